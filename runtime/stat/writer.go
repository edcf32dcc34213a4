package stat

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// Writer prints metrics. Errors of the underlying writer stick; see Flush.
type Writer struct{ w *bufio.Writer }

// NewWriter builds a Writer on w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriter(w)} }

// Label is one name and its value.
type Label struct{ Name, Value string }

// Family begins a family: kind is counter, gauge or histogram. Its samples follow.
func (w *Writer) Family(name, kind, help string) {
	w.put("# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n")
}

// Sample prints one value.
func (w *Writer) Sample(name string, value float64, labels ...Label) {
	w.put(name)
	w.labels(labels, "")
	w.put(" ", strconv.FormatFloat(value, 'g', -1, 64), "\n")
}

// Histogram prints the buckets, sum and count of h.
func (w *Writer) Histogram(name string, h *Histogram, labels ...Label) {
	var n uint64
	for i := range h.buckets {
		n += h.buckets[i].Load()
		le := "+Inf"
		if i < len(Bounds) {
			le = strconv.FormatFloat(Bounds[i], 'g', -1, 64)
		}
		w.put(name, "_bucket")
		w.labels(labels, le)
		w.put(" ", strconv.FormatUint(n, 10), "\n")
	}
	w.Sample(name+"_sum", h.Sum().Seconds(), labels...)
	w.Sample(name+"_count", float64(n), labels...)
}

// Flush writes what is buffered and returns the first error there was.
func (w *Writer) Flush() error { return w.w.Flush() }

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// labels prints {a="b",...}; le, if not empty, comes last.
func (w *Writer) labels(labels []Label, le string) {
	if len(labels) == 0 && le == "" {
		return
	}
	sep := "{"
	for _, l := range labels {
		w.put(sep, l.Name, `="`, escape.Replace(l.Value), `"`)
		sep = ","
	}
	if le != "" {
		w.put(sep, `le="`, le, `"`)
	}
	w.put("}")
}

func (w *Writer) put(parts ...string) {
	for _, p := range parts {
		_, _ = w.w.WriteString(p) // bufio keeps the error for Flush
	}
}
