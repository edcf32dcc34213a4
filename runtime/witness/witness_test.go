package witness

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// app answers as the data plane does: by the time it is asked, the revision is named.
func app(w http.ResponseWriter, r *http.Request) {
	r.Header.Set(contract.HeaderNamespace, "default")
	r.Header.Set(contract.HeaderRevision, "hello-1")
	if r.URL.Path == "/cut" {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Seen", r.Header.Get("Traceparent"))
	w.WriteHeader(http.StatusTeapot)
	_, _ = w.Write([]byte("short"))
}

func ask(t *testing.T, h http.Handler, path string) http.Header {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://hello.example.com"+path, nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	w := httptest.NewRecorder()
	func() {
		defer func() { _ = recover() }() // as net/http does for ErrAbortHandler
		h.ServeHTTP(w, r)
	}()
	return w.Header()
}

func TestLog_ALineForEachRequest(t *testing.T) {
	var out bytes.Buffer
	l, err := NewLog(&out, JSON)
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Next: http.HandlerFunc(app), Log: l})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, h, "/tea?token=secret")
	ask(t, h, "/cut")
	if strings.Contains(out.String(), "secret") {
		t.Error("the query is in the log")
	}
	dec := json.NewDecoder(&out)
	var first, second Line
	if dec.Decode(&first) != nil || dec.Decode(&second) != nil || dec.More() {
		t.Fatal("not two lines")
	}
	if first.Status != 418 || first.Out != 5 || first.Revision != "hello-1" || first.Path != "/tea" || first.Cut || first.Host != "hello.example.com" {
		t.Errorf("%+v", first)
	}
	if second.Status != 200 || !second.Cut {
		t.Errorf("%+v", second)
	}
}

func TestLog_ATemplateSaysHow(t *testing.T) {
	var out bytes.Buffer
	l, err := NewLog(&out, "{{.Method}} {{.Path}} {{.Status}} {{.Namespace}}/{{.Revision}}")
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Next: http.HandlerFunc(app), Log: l})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, h, "/tea")
	if out.String() != "GET /tea 418 default/hello-1\n" {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	ask(t, h, "/a%0aGET%20/forged%20200%20x/y")
	if out.String() != "GET /a%0aGET%20/forged%20200%20x/y 418 default/hello-1\n" {
		t.Errorf("%q", out.String())
	}
	for _, wrong := range []string{"", "{{", "{{.Nothing}}"} {
		if _, err := NewLog(&out, wrong); err == nil || !strings.Contains(err.Error(), "request log: ") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestTraces_TheAppIsBelowOurSpan(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	traces := newTraces(trace.WithSyncer(spans), 1)
	h, err := New(Config{Next: http.HandlerFunc(app), Traces: traces})
	if err != nil {
		t.Fatal(err)
	}
	seen := ask(t, h, "/tea").Get("Seen")
	got := spans.GetSpans()
	if len(got) != 1 {
		t.Fatalf("%d spans", len(got))
	}
	s := got[0]
	if want := "00-0af7651916cd43dd8448eb211c80319c-" + s.SpanContext.SpanID().String() + "-01"; seen != want {
		t.Errorf("the app sees %s, want %s", seen, want)
	}
	if s.Parent.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("parent %s", s.Parent.SpanID())
	}
	var status, revision bool
	for _, a := range s.Attributes {
		status = status || a.Key == "http.response.status_code" && a.Value.AsInt64() == 418
		revision = revision || a.Key == "kn.revision.name" && a.Value.AsString() == "hello-1"
	}
	if !status || !revision {
		t.Errorf("attributes %v", s.Attributes)
	}
	if err := traces.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTraces_AreSentByOTLP(t *testing.T) {
	got := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type")
	}))
	defer collector.Close()
	traces, err := NewTraces(t.Context(), collector.URL, 1)
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{Next: http.HandlerFunc(app), Traces: traces})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, h, "/tea")
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g := <-got; g != "POST /v1/traces application/x-protobuf" {
		t.Error(g)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestNew_WithoutEitherThereIsNoWitness(t *testing.T) {
	next := http.NotFoundHandler()
	h, err := New(Config{Next: next})
	if _, is := h.(*witness); is || err != nil {
		t.Errorf("%T, %v", h, err)
	}
}
