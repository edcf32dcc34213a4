package decide_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/runtime/autoscaler/decide"
)

const group = "autoscaling.knative.dev/"

func TestConfigFrom_ReadsEveryAnnotationInBothSpellings(t *testing.T) {
	for _, tt := range []struct {
		name, kebab, camel, value string
		want                      func(*decide.Config)
	}{
		{"class", "class", "class", decide.ClassHPA, func(c *decide.Config) { c.Class = decide.ClassHPA }},
		{"metric", "metric", "metric", "rps", func(c *decide.Config) { c.Metric, c.Total = decide.RPS, 200 }},
		{"target", "target", "target", "12.5", func(c *decide.Config) { c.Total = 12.5 }},
		{"utilization", "target-utilization-percentage", "targetUtilizationPercentage", "80", func(c *decide.Config) { c.Utilization = 0.8 }},
		{"min", "min-scale", "minScale", "2", func(c *decide.Config) { c.MinScale = 2 }},
		{"max", "max-scale", "maxScale", "9", func(c *decide.Config) { c.MaxScale = 9 }},
		{"initial", "initial-scale", "initialScale", "0", func(c *decide.Config) { c.InitialScale = 0 }},
		{"activation", "activation-scale", "activationScale", "5", func(c *decide.Config) { c.ActivationScale = 5 }},
		{"delay", "scale-down-delay", "scaleDownDelay", "15m", func(c *decide.Config) { c.ScaleDownDelay = 15 * time.Minute }},
		{"window, and a tenth of it for panic", "window", "window", "2m", func(c *decide.Config) { c.StableWindow, c.PanicWindow = 2*time.Minute, 12*time.Second }},
		{"the least window", "window", "window", "6s", func(c *decide.Config) { c.StableWindow, c.PanicWindow = 6*time.Second, time.Second }},
		{"panic window", "panic-window-percentage", "panicWindowPercentage", "50", func(c *decide.Config) { c.PanicWindow = 30 * time.Second }},
		{"panic threshold", "panic-threshold-percentage", "panicThresholdPercentage", "150", func(c *decide.Config) { c.PanicThreshold = 1.5 }},
		{"retention", "scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod", "1m5s", func(c *decide.Config) { c.Retention = 65 * time.Second }},
		{"aggregation", "metric-aggregation-algorithm", "metricAggregationAlgorithm", "weighted-exponential", func(c *decide.Config) { c.Weighted = true }},
		{"aggregation, as it was spelt", "metric-aggregation-algorithm", "metricAggregationAlgorithm", "weightedExponential", func(c *decide.Config) { c.Weighted = true }},
		{"no room for bursts is needed", "target-burst-capacity", "targetBurstCapacity", "-1", func(*decide.Config) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := decide.ConfigFrom(nil, 0)
			tt.want(&want)
			for _, key := range []string{tt.kebab, tt.camel} {
				if diff := cmp.Diff(want, decide.ConfigFrom(map[string]string{group + key: tt.value}, 0)); diff != "" {
					t.Errorf("%s:\n%s", key, diff)
				}
			}
		})
	}
}

func TestConfigFrom_KeepsTheDefaultWhereAValueIsWrong(t *testing.T) {
	for key, values := range map[string][]string{
		"metric": {"cpu", ""}, "target": {"0", "0.001", "x", "NaN"}, "target-utilization-percentage": {"0", "101"},
		"min-scale": {"-1", "1.5", "99999999999"}, "max-scale": {"-1"}, "initial-scale": {"-2"}, "activation-scale": {"1", "0"},
		"scale-down-delay": {"-1s", "2h", "5"}, "window": {"5s", "61m"}, "panic-window-percentage": {"0.5", "101"},
		"panic-threshold-percentage": {"109", "1001"}, "scale-to-zero-pod-retention-period": {"-1s", "61m"}, "metric-aggregation-algorithm": {"median"},
	} {
		for _, v := range values {
			if diff := cmp.Diff(decide.ConfigFrom(nil, 0), decide.ConfigFrom(map[string]string{group + key: v}, 0)); diff != "" {
				t.Errorf("%s=%q:\n%s", key, v, diff)
			}
		}
	}
}

func TestConfigFrom_TargetsAreThoseOfKnative(t *testing.T) {
	for _, tt := range []struct {
		name        string
		annotations map[string]string
		concurrency int64
		want        float64
	}{
		{"nothing", nil, 0, 70},
		{"the hard limit", nil, 10, 7},
		{"a target below the hard limit", map[string]string{group + "target": "5"}, 10, 3.5},
		{"a target above the hard limit", map[string]string{group + "target": "50"}, 10, 7},
		{"a target alone", map[string]string{group + "target": "6"}, 0, 4.2},
		{"requests per second", map[string]string{group + "metric": "rps"}, 10, 140},
		{"a target of requests per second", map[string]string{group + "metric": "rps", group + "target": "10"}, 1, 7},
		{"all of it", map[string]string{group + "target-utilization-percentage": "100"}, 10, 10},
		{"never nothing", map[string]string{group + "target": "0.01", group + "target-utilization-percentage": "1"}, 0, 0.01},
	} {
		if got := decide.ConfigFrom(tt.annotations, tt.concurrency).Target(); got != tt.want {
			t.Errorf("%s: want %g, got %g", tt.name, tt.want, got)
		}
	}
}
