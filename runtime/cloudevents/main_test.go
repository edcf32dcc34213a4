package cloudevents

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample is an event with everything in it.
func sample() Event {
	return Event{
		ID: "A234-1234-1234", Source: "https://github.com/cloudevents/spec/pull", Type: "com.github.pull_request.opened",
		Subject: "123", Time: "2018-04-05T17:31:00Z", DataContentType: "application/json",
		Extensions: []Extension{{Name: "comexampleextension1", Value: "value"}, {Name: "comexampleothervalue", Value: "5", Kind: Integer}},
		Data:       []byte(`{"appinfoA":"abc","appinfoB":123,"appinfoC":true}`),
	}
}

// headers builds canonical headers from pairs.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// binary is the least an event has, and more.
func binary(more ...string) http.Header {
	return headers(append([]string{"ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"}, more...)...)
}
