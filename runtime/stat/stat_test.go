package stat_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/stat"
)

func TestWriter_PrintsPrometheusText(t *testing.T) {
	var b strings.Builder
	w := stat.NewWriter(&b)
	w.Family("requests_total", "counter", "Requests.")
	w.Sample("requests_total", 3, stat.Label{Name: "revision", Value: "a\"b\\c\n"}, stat.Label{Name: "code", Value: "2xx"})
	w.Family("up", "gauge", "One.")
	w.Sample("up", 1)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{revision="a\"b\\c\n",code="2xx"} 3
# HELP up One.
# TYPE up gauge
up 1
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestHistogram_BucketsAreCumulativeAndEndAtTheCount(t *testing.T) {
	var h stat.Histogram
	for _, d := range []time.Duration{500 * time.Microsecond, time.Millisecond, 30 * time.Millisecond, time.Hour} {
		h.Observe(d)
	}
	var b strings.Builder
	w := stat.NewWriter(&b)
	w.Histogram("d", &h, stat.Label{Name: "x", Value: "y"})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`d_bucket{x="y",le="0.001"} 2`, `d_bucket{x="y",le="0.025"} 2`, `d_bucket{x="y",le="0.05"} 3`,
		`d_bucket{x="y",le="10"} 3`, `d_bucket{x="y",le="+Inf"} 4`, `d_count{x="y"} 4`, `d_sum{x="y"} 3600.0315`,
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("missing %q in\n%s", line, b.String())
		}
	}
}

func TestCounts_QuantilesAreWithinABucket(t *testing.T) {
	var h stat.Histogram
	if q := h.Counts().Quantile(0.5); q != 0 {
		t.Errorf("%v of nothing", q)
	}
	for range 50 {
		h.Observe(90 * time.Millisecond)
	}
	before := h.Counts()
	for i := range 100 {
		h.Observe(time.Duration(1+i) * time.Millisecond)
	}
	lately := h.Counts().Since(before)
	for q, want := range map[float64][2]float64{0.5: {0.045, 0.055}, 0.95: {0.09, 0.1}, 1: {0.1, 0.1}} {
		if got := lately.Quantile(q); got < want[0] || got > want[1] {
			t.Errorf("quantile %v: %v is not in %v", q, got, want)
		}
	}
	h = stat.Histogram{}
	h.Observe(time.Hour)
	if q := h.Counts().Quantile(0.5); q != 10 {
		t.Errorf("beyond the last bound: %v", q)
	}
}
