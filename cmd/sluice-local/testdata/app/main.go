// The program that the tests run in pods: it says who it is; with `get URL` it
// says what another one says.
package main

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "get" {
		resp, err := http.Get(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		if _, err := io.Copy(os.Stdout, resp.Body); err != nil {
			log.Fatal(err)
		}
		return
	}
	port := cmp.Or(os.Getenv("PORT"), "8080")
	log.Fatal(http.ListenAndServe(":"+port, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "I am %s", os.Getenv("NAME"))
	})))
}
