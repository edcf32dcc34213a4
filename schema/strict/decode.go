package strict

import (
	"bytes"
	"encoding/json"
	"reflect"

	kjson "sigs.k8s.io/json"

	"github.com/sluice-dev/sluice/schema"
)

// Decode fills into, a pointer, from the document. Names of fields count by
// their exact spelling. If there are problems, into is not to be used.
func Decode(doc schema.Document, into any) []schema.Problem {
	return decode(doc, into, false)
}

// DecodeSecret is Decode for documents whose values are secret: no text
// repeats any of them.
func DecodeSecret(doc schema.Document, into any) []schema.Problem {
	return decode(doc, into, true)
}

func decode(doc schema.Document, into any, secret bool) []schema.Problem {
	unknown, err := kjson.UnmarshalStrict(doc.JSON, into)
	if err == nil && len(unknown) == 0 {
		return nil
	}
	w := walker{doc: doc, secret: secret, root: reflect.TypeOf(into).Elem()}
	dec := json.NewDecoder(bytes.NewReader(doc.JSON))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return []schema.Problem{doc.Problem("", "this is not JSON")}
	}
	w.value("", v, w.root)
	if len(w.problems) == 0 {
		w.problem("", "this cannot be read as a "+doc.Kind+": compare it with the kind's reference")
	}
	return w.problems
}
