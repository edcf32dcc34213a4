// The app of the story: one line of text, from the source beside the manifest.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

const greeting = "Hello from source, version 1"

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, greeting) })
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
