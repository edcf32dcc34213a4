// The step of the tests: it does what its arguments say, one after the other.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	for _, arg := range os.Args[1:] {
		word, rest, _ := strings.Cut(arg, "=")
		switch word {
		case "say":
			fmt.Println(rest)
		case "fail":
			fmt.Println(rest)
			os.Exit(3)
		case "exit":
			code, err := strconv.Atoi(rest)
			if err != nil {
				fail(err)
			}
			os.Exit(code)
		case "hang":
			time.Sleep(time.Hour)
		case "write":
			name, text, _ := strings.Cut(rest, ":")
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				fail(err)
			}
		case "show":
			text, err := os.ReadFile(rest)
			if err != nil {
				fail(err)
			}
			fmt.Println(string(text))
		case "serve":
			text, err := os.ReadFile(rest)
			if err != nil {
				fail(err)
			}
			fail(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })))
		case "api":
			api(rest)
		}
	}
}

// api asks the API server for a path, as the pod's own account.
func api(path string) {
	token, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/token")
	if err != nil {
		fail(err)
	}
	url := "https://" + os.Getenv("KUBERNETES_SERVICE_HOST") + ":" + os.Getenv("KUBERNETES_SERVICE_PORT") + path
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		fail(err)
	}
	req.Header.Set("Authorization", "Bearer "+string(token))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a test asks what is refused
	resp, err := client.Do(req)
	if err != nil {
		fail(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
	fmt.Println(resp.StatusCode, string(body))
}

func fail(err error) {
	fmt.Println(err)
	os.Exit(1)
}
