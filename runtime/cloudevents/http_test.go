package cloudevents

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestHeaderValue_IsEncodedAndDecodedAsTheBindingSays(t *testing.T) {
	for _, row := range []struct{ name, value, header string }{
		{"plain ASCII stays", "value-1/2;a=b,c", "value-1/2;a=b,c"},
		{"space", "a b", "a%20b"},
		{"double quote", `say "q"`, "say%20%22q%22"},
		{"percent", "100%", "100%25"},
		{"what looks encoded is encoded once more", "a%20b", "a%2520b"},
		{"two bytes of UTF-8", "Zoë", "Zo%C3%AB"},
		{"three bytes", "Euro €", "Euro%20%E2%82%AC"},
		{"four bytes", "😀", "%F0%9F%98%80"},
		{"tilde and exclamation mark are the ends of what stays", "!~", "!~"},
		{"backslash stays", `a\b`, `a\b`},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := Event{ID: "1", Source: "/s", Type: "t", Subject: row.value}
			h := http.Header{}
			e.SetHeaders(h)
			if got := h["Ce-Subject"]; len(got) != 1 || got[0] != row.header {
				t.Errorf("encoded as %q, want %q", got, row.header)
			}
			if lines := string(e.AppendHeaders(nil)); !strings.Contains(lines, "\r\nce-subject: "+row.header+"\r\n") {
				t.Errorf("header lines %q lack %q", lines, row.header)
			}
			back, err := FromHTTP(h, nil)
			if err != nil || back[0].Subject != row.value {
				t.Errorf("decoded as %q, %v; want %q", back[0].Subject, err, row.value)
			}
		})
	}
}

func TestHeaderValue_IsReadLeniently(t *testing.T) {
	for _, row := range []struct{ name, header, value string }{
		{"lower-case hex", "Zo%c3%ab", "Zoë"},
		{"encoded without need", "%61%62", "ab"},
		{"quoted", `"a b"`, "a b"},
		{"quoted with backslashes", `"say \"q\" \\"`, `say "q" \`},
		{"quoted, then encoded", `"a%20b"`, "a b"},
		{"one round only", "a%2520b", "a%20b"},
		{"a percent sign that encodes nothing", "100% of 5%x", "100% of 5%x"},
		{"a percent sign at the end", "50%2", "50%2"},
		{"raw UTF-8, as senders write that do not encode", "Euro € 😀", "Euro € 😀"},
		{"a quote that is not closed", `"a`, `"a`},
	} {
		t.Run(row.name, func(t *testing.T) {
			events, err := FromHTTP(binary("ce-subject", row.header), nil)
			if err != nil || events[0].Subject != row.value {
				t.Errorf("got %v, %v; want subject %q", events, err, row.value)
			}
		})
	}
}

func TestFromHTTP_RefusesWithAnAnswerOfItsOwn(t *testing.T) {
	const structured = MediaTypeJSON
	for _, row := range []struct {
		name   string
		header http.Header
		body   string
		status int
		text   string
	}{
		{"no event at all", headers("content-type", "application/json"), "{}", 400, "this is no CloudEvent"},
		{"no id", headers("ce-specversion", "1.0", "ce-source", "/s", "ce-type", "t"), "", 400, "required attribute id is missing"},
		{"no source", headers("ce-specversion", "1.0", "ce-id", "1", "ce-type", "t"), "", 400, "required attribute source is missing"},
		{"no type", headers("ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s"), "", 400, "required attribute type is missing"},
		{"empty subject", binary("ce-subject", ""), "", 400, "attribute subject is empty"},
		{"overlong UTF-8", binary("ce-subject", "a%C0%A0b"), "", 400, "not UTF-8 after percent-decoding"},
		{"a surrogate", binary("ce-subject", "%ED%A0%80"), "", 400, "not UTF-8 after percent-decoding"},
		{"raw bytes that are no UTF-8", binary("ce-subject", "\xff"), "", 400, "not UTF-8"},
		{"an encoded line break", binary("ce-subject", "a%0D%0Ab"), "", 400, "control character U+000D"},
		{"a C1 control", binary("ce-subject", "%C2%85"), "", 400, "U+0085"},
		{"a noncharacter", binary("ce-subject", "%EF%BF%BF"), "", 400, "U+FFFF"},
		{"a quote within quotes", binary("ce-subject", `"a"b"`), "", 400, "lacks its backslash"},
		{"datacontenttype as an attribute", binary("ce-datacontenttype", "text/plain"), "", 400, "ce-datacontenttype must not be there"},
		{"data as an attribute", binary("ce-data", "x"), "", 400, "data is not an attribute"},
		{"a name with a line", binary("ce-my_ext", "x"), "", 400, `attribute "my_ext": a name has lower-case letters`},
		{"an attribute twice", binary("ce-id", "2"), "", 400, "header ce-id is there 2 times"},
		{"content type twice", binary("content-type", "a/b", "content-type", "c/d"), "", 400, "header content-type is there 2 times"},
		{"another version", headers("ce-specversion", "2.0", "ce-id", "1"), "", 400, `ce-specversion "2.0"`},
		{"a time that is none", binary("ce-time", "yesterday"), "", 400, "is not RFC 3339"},
		{"a source that is no URI", binary("ce-source2", "x", "ce-dataschema", "a%20b"), "", 400, "attribute dataschema"},
		{"an unknown format", headers("content-type", "application/cloudevents+avro"), "", 415, "the event format is not known"},
		{"JSON that is not UTF-8", headers("content-type", structured+"; charset=iso-8859-1"), "{}", 415, "JSON is UTF-8"},
		{"a compressed payload", headers("content-type", "application/json", "content-encoding", "gzip", "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"), "x", 415, "content encoding \"gzip\": a CloudEvent has none"},
		{"a compressed event", headers("content-type", structured, "content-encoding", "gzip"), "x", 415, "content encoding"},
		{"a compressed batch", headers("content-type", MediaTypeBatch, "content-encoding", "br"), "x", 415, "content encoding"},
		{"a batch in an unknown format", headers("content-type", "application/cloudevents-batch+avro"), "", 415, "the event format is not known"},
		{"broken JSON", headers("content-type", structured), `{"specversion":"1.0",`, 400, "not JSON: unexpected end of JSON input"},
		{"JSON of bytes that are no UTF-8", headers("content-type", structured), "{\"id\":\"\xff\"}", 400, "not valid UTF-8"},
		{"a list", headers("content-type", structured), `[]`, 400, "an event is a JSON object"},
		{"an upper-case name", headers("content-type", structured), `{"specversion":"1.0","id":"1","source":"/s","type":"t","MyExt":"x"}`, 400, `attribute "MyExt"`},
		{"data twice over", headers("content-type", structured), `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":1,"data_base64":"AA=="}`, 400, "both data and data_base64"},
		{"a member twice", headers("content-type", structured), `{"specversion":"1.0","id":"1","id":"2","source":"/s","type":"t"}`, 400, `member "id" is there twice`},
		{"base64 that is none", headers("content-type", structured), `{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"?"}`, 400, "data_base64 is not base64"},
		{"an id that is a number", headers("content-type", structured), `{"specversion":"1.0","id":1,"source":"/s","type":"t"}`, 400, "attribute id is 1; it has to be a text"},
		{"an extension that is an object", headers("content-type", structured), `{"specversion":"1.0","id":"1","source":"/s","type":"t","x":{}}`, 400, "attribute x is an object or a list"},
		{"an extension with a fraction", headers("content-type", structured), `{"specversion":"1.0","id":"1","source":"/s","type":"t","x":1.5}`, 400, "1.5 is not a whole number"},
		{"no specversion", headers("content-type", structured), `{"id":"1"}`, 400, "member specversion is missing"},
		{"a batch that is no list", headers("content-type", MediaTypeBatch), `{}`, 400, "a batch is a JSON array"},
		{"a batch with one that is wrong", headers("content-type", MediaTypeBatch), `[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":"1","source":"/s"}]`, 400, "event 2 of the batch: required attribute type"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := FromHTTP(row.header, []byte(row.body))
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Status != row.status || !strings.Contains(e.Text, row.text) {
				t.Errorf("got %v, want %d with %q", err, row.status, row.text)
			}
		})
	}
}

func TestFromHTTP_ReadsWhatTheBindingAllows(t *testing.T) {
	minimal := Event{ID: "1", Source: "/s", Type: "t"}
	with := func(change func(*Event)) Event {
		e := minimal.Clone()
		change(&e)
		return e
	}
	const open = `{"specversion":"1.0","id":"1","source":"/s","type":"t"`
	for _, row := range []struct {
		name   string
		header http.Header
		body   string
		want   []Event
	}{
		{"the least", binary(), "", []Event{minimal}},
		{"a payload", binary("content-type", "text/plain"), "hi", []Event{with(func(e *Event) { e.SetData("text/plain", []byte("hi")) })}},
		{"a time with small letters", binary("ce-time", "2020-01-02t03:04:05z"), "", []Event{with(func(e *Event) { e.Time = "2020-01-02T03:04:05Z" })}},
		{"media type in capitals, with a charset", headers("content-type", `Application/CloudEvents+JSON; charset="UTF-8"`), open + "}", []Event{minimal}},
		{"a null attribute is none", headers("content-type", MediaTypeJSON), open + `,"subject":null}`, []Event{minimal}},
		{"typed extensions", headers("content-type", MediaTypeJSON), open + `,"n":-7,"yes":true}`, []Event{with(func(e *Event) { e.Extensions = []Extension{{"n", "-7", Integer}, {"yes", "true", Boolean}} })}},
		{"data without a type is JSON", headers("content-type", MediaTypeJSON), open + `,"data":{"a": 1}}`, []Event{with(func(e *Event) { e.Data, e.json = []byte(`{"a": 1}`), true })}},
		{"text", headers("content-type", MediaTypeJSON), open + `,"datacontenttype":"text/plain","data":"a\nb"}`, []Event{with(func(e *Event) { e.SetData("text/plain", []byte("a\nb")) })}},
		{"bytes", headers("content-type", MediaTypeJSON), open + `,"data_base64":"AAE="}`, []Event{with(func(e *Event) { e.Data = []byte{0, 1} })}},
		{"an empty batch", headers("content-type", MediaTypeBatch), ` [ ] `, []Event{}},
		{"a batch of two", headers("content-type", MediaTypeBatch), "[" + open + "} , " + open + "}]", []Event{minimal, minimal}},
		{"a format that is not known, with headers", binary("content-type", "application/cloudevents+avro"), "x", []Event{with(func(e *Event) { e.SetData("application/cloudevents+avro", []byte("x")) })}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := FromHTTP(row.header, []byte(row.body))
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, row.want)
			}
		})
	}
}

func TestFromHTTP_UpgradesOldVersions(t *testing.T) {
	want := sample()
	want.Extensions = []Extension{{Name: "eventtypeversion", Value: "2"}, {Name: "sampledrate", Value: "5"}}
	want.DataSchema = "http://schema"
	old01 := headers("CE-CloudEventsVersion", "0.1", "CE-EventID", want.ID, "CE-EventTime", want.Time, "CE-EventType", want.Type,
		"CE-EventTypeVersion", "2", "CE-SchemaURL", want.DataSchema, "CE-Source", want.Source, "CE-X-Sampled-Rate", `"5"`, "CE-X-Subject1", "",
		"Content-Type", want.DataContentType)
	want.Subject = ""
	json01 := `{"cloudEventsVersion":"0.1","eventID":"` + want.ID + `","eventTime":"` + want.Time + `","eventType":"` + want.Type +
		`","eventTypeVersion":"2","schemaURL":"http://schema","source":"` + want.Source + `","extensions":{"sampledRate":5},"contentType":"application/json","data":` + string(want.Data) + `}`
	old03 := headers("ce-specversion", "0.3", "ce-id", want.ID, "ce-time", want.Time, "ce-type", want.Type, "ce-eventtypeversion", "2", "ce-sampledrate", "5",
		"ce-schemaurl", want.DataSchema, "ce-source", want.Source, "ce-datacontentencoding", "base64", "content-type", want.DataContentType)
	for _, row := range []struct {
		name   string
		header http.Header
		body   string
	}{
		{"0.1 binary", old01, string(want.Data)},
		{"0.1 structured", headers("Content-Type", MediaTypeJSON), json01},
		{"0.3 binary in base64", old03, "eyJhcHBpbmZvQSI6ImFiYyIsImFwcGluZm9CIjoxMjMsImFwcGluZm9DIjp0cnVlfQ=="},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := FromHTTP(row.header, []byte(row.body))
			if err != nil {
				t.Fatal(err)
			}
			got[0].json = false
			if !reflect.DeepEqual(got[0], want) {
				t.Errorf("got  %+v\nwant %+v", got[0], want)
			}
		})
	}
}

func TestEvent_SurvivesEveryForm(t *testing.T) {
	want := sample()
	want.Subject = "Euro € 😀 100% \"q\""
	text := want
	text.SetData("text/plain", []byte("line\nline \"two\" \x01"))
	bytes := want
	bytes.SetData("", []byte{0xff, 0})
	for name, e := range map[string]Event{"json": want, "text": text, "bytes": bytes} {
		t.Run(name, func(t *testing.T) {
			structured, err := FromHTTP(headers("content-type", MediaTypeJSON), e.AppendJSON(nil))
			same(t, "structured", structured, err, e)
			batch, err := FromHTTP(headers("content-type", MediaTypeBatch), AppendBatch(nil, []Event{e}))
			same(t, "batch", batch, err, e)
			untyped := e.Clone()
			untyped.Extensions[1].Kind = Text // headers have no types
			h := http.Header{}
			e.SetHeaders(h)
			binary, err := FromHTTP(h, e.Data)
			same(t, "binary", binary, err, untyped)
			plain, err := FromPlain(e.Plain(), e.Data)
			same(t, "plain", []Event{plain}, err, untyped)
		})
	}
}

func same(t *testing.T, form string, got []Event, err error, want Event) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", form, err)
	}
	got[0].json = false
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("%s: got %+v\nwant %+v", form, got[0], want)
	}
}
