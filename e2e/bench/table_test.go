package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what a run prints at its end.
type table struct{ rows []row }

// row is one figure. Target is what it should be, and met whether it is.
type row struct{ what, value, target, peer string }

func (t *table) head(text string) { t.rows = append(t.rows, row{what: "\n" + text}) }

func (t *table) add(what, value, target, peer string) {
	t.rows = append(t.rows, row{what, value, target, peer})
}

// String is the table for people.
func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\tvalue\ttarget\tratio or peer")
	for _, r := range t.rows {
		if r.value == "" {
			fmt.Fprintf(w, "%s\t\t\t\n", r.what)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.what, r.value, r.target, r.peer)
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}

// target says what was to be reached and whether it was.
func target(text string, reached bool) string {
	if reached {
		return text + ": yes"
	}
	return text + ": NO"
}

// sample is some durations of one kind.
type sample []time.Duration

// quantile is the smallest duration that a share q of the sample does not exceed.
func (s sample) quantile(q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (s sample) String() string {
	return fmt.Sprintf("p50 %s, p99 %s", ms(s.quantile(0.5)), ms(s.quantile(0.99)))
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func mib(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<19)>>20) }

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2fx", a.Seconds()/b.Seconds()) }

// verbs are requests by verb.
type verbs map[string]int64

func (v verbs) String() string {
	var parts []string
	for _, verb := range slices.Sorted(maps.Keys(v)) {
		if v[verb] != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", verb, v[verb]))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// without is what came to v after before.
func (v verbs) without(before verbs) verbs {
	out := verbs{}
	for verb, n := range v {
		out[verb] = n - before[verb]
	}
	return out
}

func (v verbs) sum() (n int64) {
	for _, k := range v {
		n += k
	}
	return n
}
