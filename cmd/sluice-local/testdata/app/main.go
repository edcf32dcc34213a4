// The program that the tests run in pods: it says who it is.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "I am %s", os.Getenv("NAME"))
	})))
}
