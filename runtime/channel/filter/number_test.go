package filter

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// TestNumbers_LargeOnesStayWhatTheyAre: the ids that databases give do not fit into
// 53 bits, and another id is another thing.
func TestNumbers_LargeOnesStayWhatTheyAre(t *testing.T) {
	e := cloudevents.Event{ID: "1", Source: "/s", Type: "t"}
	e.SetData("application/json", []byte(`{"id":1234567890123456789,"list":[-9007199254740993, 0.5, "9223372036854775807"],"huge":123456789012345678901234567890,"n":7}`))
	for text, want := range map[string]bool{
		"data.id == 1234567890123456789":      true,
		"data.id == 1234567890123456788":      false,
		"data.id > 1234567890123456788":       true,
		"data.list[0] == -9007199254740993":   true,
		"data.n * 1.5 == 10.5":                true, // all that fit are of one kind
		"data.n > 6 && data.list[1] < 1":      true,
		"data.huge > 1.0":                     true,
		"string(data.id).startsWith('12345')": true,
	} {
		f, err := Compile(&contract.Filter{CEL: text})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.MatchEvent(&e); got != want || err != nil {
			t.Errorf("%s: %t, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"data": `{"huge":1.2345678901234568e+29,"id":1234567890123456789,"list":[-9007199254740993,0.5,"9223372036854775807"],"n":7}`,
		"{'a': {'b': [data.id, 2, 3u, true, null, b'hi', 'x']}}": `{"a":{"b":[1234567890123456789,2,3,true,null,"aGk=","x"]}}`,
		"{1: 'one', true: duration('90s')}":                      `{"1":"one","true":"90s"}`,
		"9007199254740993":                                       `9007199254740993`,
	} {
		tr, err := CompileTransform(&contract.Transform{Data: text})
		if err != nil {
			t.Fatal(err)
		}
		out, err := tr.Apply(&Input{Event: &e})
		if err != nil || string(out.Data) != want {
			t.Errorf("%s: %s, %v", text, out.Data, err)
		}
	}
}
