package witness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// JSON asks for lines with the fields of Line.
const JSON = "json"

// Line is what is known of a request. A template may use the fields' names.
type Line struct {
	Time      time.Time `json:"time"`
	Namespace string    `json:"namespace,omitempty"`
	Revision  string    `json:"revision,omitempty"`
	Method    string    `json:"method"`
	Host      string    `json:"host"`
	// Path is as it was sent, so that it is one word. It has no query: that may
	// hold secrets.
	Path     string `json:"path"`
	Protocol string `json:"protocol"`
	Status   int    `json:"status"`
	// Seconds is from the request's head to the end of its answer.
	Seconds float64 `json:"seconds"`
	// In and Out are the bytes of the bodies; In is -1 where it was not announced.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
	// Cut says that the answer did not come to its end.
	Cut       bool   `json:"cut,omitempty"`
	Remote    string `json:"remote"`
	UserAgent string `json:"userAgent,omitempty"`
	// Trace is the id of the trace that the request belongs to, 32 hexadecimal
	// digits (W3C Trace Context §3.2.2.3).
	Trace string `json:"trace,omitempty"`
}

// Log writes a line for each request.
type Log struct {
	form *template.Template // nil: JSON

	mu sync.Mutex // guards to: lines do not mix
	to io.Writer
}

// NewLog writes to w: form is JSON, or a Go template over Line, such as
// `{{.Method}} {{.Path}} {{.Status}}`. The error says what is wrong with it.
func NewLog(w io.Writer, form string) (*Log, error) {
	l := &Log{to: w}
	if form == JSON {
		return l, nil
	}
	t, err := template.New("request log").Option("missingkey=error").Parse(form)
	if err == nil {
		err = t.Execute(io.Discard, Line{})
	}
	if err != nil {
		return nil, fmt.Errorf("request log: want %q or a template such as {{.Method}} {{.Path}} {{.Status}}: %w", JSON, err)
	}
	if t.Tree == nil || len(t.Root.Nodes) == 0 {
		return nil, errors.New("request log: the template is empty")
	}
	l.form = t
	return l, nil
}

// write writes the line of a request that is over.
func (l *Log) write(a *answer, r *http.Request) {
	line := Line{
		Time: a.began.UTC(), Namespace: r.Header.Get(contract.HeaderNamespace), Revision: r.Header.Get(contract.HeaderRevision),
		Method: r.Method, Host: r.Host, Path: r.URL.EscapedPath(), Protocol: r.Proto, Status: a.final(), Seconds: a.took.Seconds(),
		In: r.ContentLength, Out: a.bytes, Cut: a.broken, Remote: r.RemoteAddr, UserAgent: r.UserAgent(), Trace: traceOf(r.Header.Get("Traceparent")),
	}
	var b bytes.Buffer
	var err error
	if l.form == nil {
		err = json.NewEncoder(&b).Encode(line)
	} else {
		err = l.form.Execute(&b, line)
		b.WriteByte('\n')
	}
	if err != nil {
		return // a template that fails for one request only; there is no better place to say so
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.to.Write(b.Bytes()) // a log that cannot be written must not cost a request
}

// traceOf is the trace-id of a traceparent: version, trace-id, parent-id, flags.
func traceOf(parent string) string {
	_, rest, _ := strings.Cut(parent, "-")
	id, _, _ := strings.Cut(rest, "-")
	return id
}
