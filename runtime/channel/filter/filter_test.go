package filter

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

type attrs = map[string]string

func order() *cloudevents.Event {
	e := &cloudevents.Event{
		ID: "7", Source: "/shop/eu", Type: "order.created", Subject: "o-7", Time: "2026-01-02T03:04:05Z",
		Extensions: []cloudevents.Extension{{Name: "priority", Value: "5", Kind: cloudevents.Integer}, {Name: "region", Value: "eu"}},
	}
	e.SetData("application/json", []byte(`{"total": 120, "lines": [{"sku": "A1"}, {"sku": "B2"}]}`))
	return e
}

func TestFilter_ChoosesAsItSays(t *testing.T) {
	typed := contract.Filter{Exact: attrs{"type": "order.created"}}
	other := contract.Filter{Exact: attrs{"type": "order.cancelled"}}
	broken := contract.Filter{CEL: "data.missing == 1"}
	for _, row := range []struct {
		name   string
		filter contract.Filter
		want   bool
		err    string
	}{
		{"nothing asked", contract.Filter{}, true, ""},
		{"exact", typed, true, ""},
		{"exact, another", other, false, ""},
		{"exact is case-sensitive", contract.Filter{Exact: attrs{"type": "Order.created"}}, false, ""},
		{"exact, all of several", contract.Filter{Exact: attrs{"type": "order.created", "region": "us"}}, false, ""},
		{"exact, an extension", contract.Filter{Exact: attrs{"region": "eu"}}, true, ""},
		{"exact, an extension that is missing", contract.Filter{Exact: attrs{"tenant": "x"}}, false, ""},
		{"any value", contract.Filter{Exact: attrs{"region": ""}}, true, ""},
		{"any value, but missing", contract.Filter{Exact: attrs{"tenant": ""}}, false, ""},
		{"prefix", contract.Filter{Prefix: attrs{"source": "/shop"}}, true, ""},
		{"prefix, another", contract.Filter{Prefix: attrs{"source": "/stock"}}, false, ""},
		{"suffix", contract.Filter{Suffix: attrs{"type": ".created"}}, true, ""},
		{"all", contract.Filter{All: []contract.Filter{typed, {Prefix: attrs{"source": "/shop"}}}}, true, ""},
		{"all but one", contract.Filter{All: []contract.Filter{typed, other}}, false, ""},
		{"any", contract.Filter{Any: []contract.Filter{other, typed}}, true, ""},
		{"any of none", contract.Filter{Any: []contract.Filter{}}, false, ""},
		{"not", contract.Filter{Not: &other}, true, ""},
		{"not, nested", contract.Filter{Not: &contract.Filter{Any: []contract.Filter{other, typed}}}, false, ""},
		{"several fields", contract.Filter{Exact: attrs{"region": "eu"}, Not: &typed}, false, ""},
		{"cesql", contract.Filter{CESQL: "source LIKE '%eu' AND priority > 3"}, true, ""},
		{"cesql that gives a text", contract.Filter{CESQL: "CONCAT(id, type)"}, false, "a filter says true or false"},
		{"cesql on what is missing", contract.Filter{CESQL: "tenant = 'x'"}, false, "tenant"},
		{"cel on attributes", contract.Filter{CEL: "event.priority >= 5 && event.type.startsWith('order')"}, true, ""},
		{"cel on the payload", contract.Filter{CEL: "data.total > 100 && data.lines.exists(l, l.sku == 'B2')"}, true, ""},
		{"cel on the payload, no", contract.Filter{CEL: "data.total > 200"}, false, ""},
		{"cel on what is missing", broken, false, "no such key"},
		{"not of what fails is not chosen", contract.Filter{Not: &broken}, false, "no such key"},
		{"any, one of which fails", contract.Filter{Any: []contract.Filter{broken, typed}}, true, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			f, err := Compile(&row.filter)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.MatchEvent(order())
			if got != row.want {
				t.Errorf("got %v", got)
			}
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("error %v, want %q", err, row.err)
			}
		})
	}
}

func TestFilter_NilChoosesEverything(t *testing.T) {
	f, err := Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := f.MatchEvent(order()); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestCompile_NamesTheExpressionThatIsWrong(t *testing.T) {
	for text, f := range map[string]contract.Filter{
		`cesql "type ="`: {All: []contract.Filter{{CESQL: "type ="}}},
		`cel "data.("`:   {Not: &contract.Filter{CEL: "data.("}},
		"gives a string": {Any: []contract.Filter{{CEL: "'a'"}}},
	} {
		if _, err := Compile(&f); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %s", err, text)
		}
	}
}

func TestFilter_PayloadThatIsNotWhatItSays(t *testing.T) {
	f, err := Compile(&contract.Filter{CEL: "data.total > 1"})
	if err != nil {
		t.Fatal(err)
	}
	e := order()
	e.SetData("application/json", []byte("{"))
	if ok, err := f.MatchEvent(e); ok || err == nil || !strings.Contains(err.Error(), "the payload is not JSON") {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestTransform_ChangesTheEvent(t *testing.T) {
	tr, err := CompileTransform(&contract.Transform{
		Attributes: attrs{"type": "'sale'", "subject": "null", "lines": "size(data.lines)", "big": "data.total > 100", "total": "data.total"},
		Data:       "{'sku': data.lines.map(l, l.sku), 'of': event.subject, 'total': data.total}",
	})
	if err != nil {
		t.Fatal(err)
	}
	e := order()
	got, err := tr.Apply(&Input{Event: e})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"specversion":"1.0","id":"7","source":"/shop/eu","type":"sale","time":"2026-01-02T03:04:05Z","datacontenttype":"application/json",` +
		`"big":"true","lines":"2","priority":5,"region":"eu","total":"120","data":{"of":"o-7","sku":["A1","B2"],"total":120}}`
	if s := string(got.AppendJSON(nil)); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if e.Type != "order.created" {
		t.Error("the original changed")
	}
}

func TestTransform_PayloadOfItsOwnType(t *testing.T) {
	for text, want := range map[string]string{
		"'total ' + string(int(data.total))": "text/plain; charset=utf-8: total 120",
		"bytes('x')":                         "application/octet-stream: x",
		"data.total":                         "application/json: 120",
		"null":                               "application/json: null",
	} {
		tr, err := CompileTransform(&contract.Transform{Data: text})
		if err != nil {
			t.Fatal(err)
		}
		e, err := tr.Apply(&Input{Event: order()})
		if got := e.DataContentType + ": " + string(e.Data); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestTransform_SaysWhatFailed(t *testing.T) {
	for _, row := range []struct {
		transform contract.Transform
		text      string
	}{
		{contract.Transform{Data: "data.missing"}, "transform of data: no such key"},
		{contract.Transform{Attributes: attrs{"id": "null"}}, "attribute id is required"},
		{contract.Transform{Attributes: attrs{"my_x": "'a'"}}, "a name has lower-case letters"},
		{contract.Transform{Attributes: attrs{"x": "data.lines"}}, "it gives a list"},
	} {
		tr, err := CompileTransform(&row.transform)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Apply(&Input{Event: order()}); err == nil || !strings.Contains(err.Error(), row.text) {
			t.Errorf("got %v, want %q", err, row.text)
		}
	}
}
