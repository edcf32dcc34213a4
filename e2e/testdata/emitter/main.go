// The emitter of the tests sends events to K_SINK, one a second, as a container
// that is a source does. Where FEED_OPERATION is set it is a program of 2018 that
// starts and stops feeds instead, and sends what it was told.
package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	if operation := os.Getenv("FEED_OPERATION"); operation != "" {
		feed(operation)
		return
	}
	if port := os.Getenv("PORT"); port != "" {
		go func() {
			log.Fatal(http.ListenAndServe(":"+port, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		}()
	}
	for n := 1; ; n++ {
		if err := send(os.Getenv("K_SINK"), cmp.Or(os.Getenv("TYPE"), "beat"), fmt.Sprint(n), `"beat"`); err != nil {
			log.Print(err)
		}
		time.Sleep(time.Second)
	}
}

// feed sends operation, resource and context, and at START says what the context
// is from now on. The parameter `fail` has it fail, `takes` take so many seconds.
func feed(operation string) {
	var trigger struct {
		Resource string         `json:"resource"`
		Params   map[string]any `json:"params"`
	}
	var context map[string]any
	read("FEED_TRIGGER", &trigger)
	read("FEED_CONTEXT", &context)
	if reason := trigger.Params["fail"]; reason != nil {
		log.Fatal(reason)
	}
	if seconds, ok := trigger.Params["takes"].(float64); ok && operation == "START" {
		time.Sleep(time.Duration(seconds) * time.Second)
	}
	data, err := json.Marshal([]any{trigger.Resource, context})
	if err != nil {
		log.Fatal(err)
	}
	if err := send("http://"+os.Getenv("FEED_TARGET")+"/", "feed."+operation, fmt.Sprint(time.Now().UnixNano()), string(data)); err != nil {
		log.Fatal(err)
	}
	if operation == "START" {
		if err := os.WriteFile("/dev/termination-log", []byte(base64.StdEncoding.EncodeToString([]byte(`{"hook":42}`))), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}

func read(name string, into any) {
	b, err := base64.StdEncoding.DecodeString(os.Getenv(name))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
}

func send(sink, kind, id, data string) error {
	r, err := http.NewRequest(http.MethodPost, sink, strings.NewReader(data))
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": id, "ce-source": "/emitter", "ce-type": kind, "Content-Type": "application/json"} {
		r.Header.Set(name, value)
	}
	var overrides struct{ Extensions map[string]string }
	if json.Unmarshal([]byte(os.Getenv("K_CE_OVERRIDES")), &overrides) == nil {
		for name, value := range overrides.Extensions {
			r.Header.Set("ce-"+name, value)
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", sink, answer.Status)
	}
	return nil
}
