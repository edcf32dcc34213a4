package cloudevents

import (
	"net/http"
	"testing"
)

// TestPlain_AnEventAroundAnEventStaysTheOuterOne: whatever its payload is, an event
// comes back from a bus as it was.
func TestPlain_AnEventAroundAnEventStaysTheOuterOne(t *testing.T) {
	for name, m := range map[string]struct {
		header http.Header
		body   string
	}{
		"in one piece":                  {headers("content-type", MediaTypeJSON), `{"specversion":"1.0","id":"outer","source":"/o","type":"wrapped","datacontenttype":"application/cloudevents+json","data":{"specversion":"1.0","id":"inner","source":"/i","type":"t"}}`},
		"of a format that is not known": {headers("content-type", "application/cloudevents+avro", "ce-specversion", "1.0", "ce-id", "outer", "ce-source", "/o", "ce-type", "wrapped"), "\x00\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := FromHTTP(m.header, []byte(m.body))
			if err != nil {
				t.Fatal(err)
			}
			back, err := FromPlain(events[0].Plain(), events[0].Data)
			if err != nil || back.ID != "outer" || back.Type != "wrapped" || !back.Around() || string(back.Data) != string(events[0].Data) {
				t.Errorf("%+v %s, %v", back, back.Data, err)
			}
		})
	}
	// Others may repeat attributes beside an event in one piece.
	body := `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":1}}`
	e, err := FromPlain(map[string]string{"content-type": MediaTypeJSON, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}, []byte(body))
	if err != nil || string(e.Data) != `{"a":1}` {
		t.Errorf("%+v %s, %v", e, e.Data, err)
	}
}
