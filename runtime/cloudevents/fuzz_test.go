package cloudevents

import (
	"net/http"
	"reflect"
	"testing"
)

func FuzzReadJSON(f *testing.F) {
	e := sample()
	f.Add(e.AppendJSON(nil))
	f.Add([]byte(`{"specversion":"1.0","id":"\u00e9","source":"/s","type":"t","data_base64":"AA==","n":1,"b":true,"z":null}`))
	f.Add([]byte(`{"cloudEventsVersion":"0.1","eventID":"1","eventType":"t","source":"/","extensions":{"a":{"b":[1]}},"data":null}`))
	f.Add([]byte(`{"specversion":"0.3","id":"1","source":"/s","type":"t","datacontentencoding":"base64","data":"AA=="}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again Event
		if e.ReadJSON(b) != nil {
			return
		}
		out := e.AppendJSON(nil)
		if err := again.ReadJSON(out); err != nil {
			t.Fatalf("%s was written and is refused: %v", out, err)
		}
		if third := again.AppendJSON(nil); string(third) != string(out) {
			t.Fatalf("%s became %s", out, third)
		}
	})
}

func FuzzHeaderValue(f *testing.F) {
	for _, s := range []string{"a b", "100%25", `"q\"q"`, "Zo%C3%AB", "%C0%A0", "%", "\u20ac"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		events, err := FromHTTP(binary("ce-subject", raw), nil)
		if err != nil {
			return
		}
		h := http.Header{}
		events[0].SetHeaders(h)
		again, err := FromHTTP(h, nil)
		if err != nil || !reflect.DeepEqual(again, events) {
			t.Fatalf("%q was read as %q and written as %q, which reads %v, %v", raw, events[0].Subject, h["Ce-Subject"], again, err)
		}
	})
}
