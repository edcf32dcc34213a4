package cloudevents

import (
	"encoding/json"
	"net/http"
	"testing"
)

func BenchmarkAppendJSON(b *testing.B) {
	e := sample()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func BenchmarkReadJSON(b *testing.B) {
	e := sample()
	in := e.AppendJSON(nil)
	b.ReportAllocs()
	for b.Loop() {
		var e Event
		if err := e.ReadJSON(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadBinary(b *testing.B) {
	e, h := sample(), http.Header{}
	e.SetHeaders(h)
	b.ReportAllocs()
	for b.Loop() {
		var e Event
		if err := e.ReadHTTP(h, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSDKMarshal is what the Go SDK needs for the same event.
func BenchmarkSDKMarshal(b *testing.B) {
	f := foreign(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(f); err != nil {
			b.Fatal(err)
		}
	}
}
