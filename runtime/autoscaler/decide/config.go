package decide

import (
	"math"
	"strconv"
	"time"
)

// Metric is what a revision is scaled on.
type Metric string

// The metrics.
const (
	// Concurrency is requests at once, at pods and waiting.
	Concurrency Metric = "concurrency"
	// RPS is requests per second.
	RPS Metric = "rps"
)

// Classes of autoscaler that an annotation may name.
const (
	ClassKPA = "kpa.autoscaling.knative.dev"
	ClassHPA = "hpa.autoscaling.knative.dev"
)

// Config is how one revision is scaled. Defaults gives every default.
type Config struct {
	// Class is who scales: what is of ClassHPA is left alone while a route leads
	// to it. Default ClassKPA, which stands for any unknown class too.
	Class string
	// Metric is what is measured. Default Concurrency.
	Metric Metric
	// Total is how much of the metric one pod can take. Default 100 requests at
	// once (or ContainerConcurrency), 200 requests per second.
	Total float64
	// Utilization is the share of Total that is aimed at. Default 0.7.
	Utilization float64
	// ContainerConcurrency is the hard limit of requests per pod. Default 0: none.
	ContainerConcurrency int64
	// MinScale and MaxScale bound the pods of a revision with a route.
	// Defaults 0, and 0 which is no upper bound.
	MinScale, MaxScale int32
	// InitialScale is what a revision has until it was ready once. Default 1.
	InitialScale int32
	// ActivationScale is the least number other than zero. Default 0: off.
	ActivationScale int32
	// ScaleDownDelay is how long a larger number is kept. Default 0.
	ScaleDownDelay time.Duration
	// StableWindow and PanicWindow are averaged over. Defaults 60 s, 6 s.
	StableWindow, PanicWindow time.Duration
	// PanicThreshold is how many times the ready pods must be wanted for panic.
	// Default 2.
	PanicThreshold float64
	// MaxUpRate and MaxDownRate bound one step, as factors of the ready pods.
	// Defaults 1000, 2.
	MaxUpRate, MaxDownRate float64
	// ScaleToZero allows no pods at all. Default true.
	ScaleToZero bool
	// Retention is how much longer than the stable window the last pod stays.
	// Default 0.
	Retention time.Duration
	// Weighted averages exponentially, the newest second counting most.
	// Default false.
	Weighted bool
}

// Defaults is the Config of a revision without annotations.
func Defaults() Config {
	return Config{
		Class: ClassKPA, Metric: Concurrency, Utilization: 0.7, InitialScale: 1,
		StableWindow: 60 * time.Second, PanicWindow: 6 * time.Second, PanicThreshold: 2,
		MaxUpRate: 1000, MaxDownRate: 2, ScaleToZero: true,
	}
}

// ConfigFrom reads a revision's annotations over the defaults.
func ConfigFrom(annotations map[string]string, containerConcurrency int64) Config {
	return Defaults().With(annotations, containerConcurrency)
}

// With reads a revision's annotations over c. What is not there, or is not
// what Knative allows, leaves c as it is.
func (c Config) With(annotations map[string]string, containerConcurrency int64) Config {
	a := reader(annotations)
	if v := a.text("class", ""); v != "" {
		c.Class = v
	}
	if v := Metric(a.text("metric", "")); v == Concurrency || v == RPS {
		c.Metric = v
	}
	c.ContainerConcurrency = max(containerConcurrency, 0)
	c.Total = a.number("target", "", c.total(), 0.01, math.MaxFloat64)
	if c.Metric == Concurrency && c.ContainerConcurrency > 0 {
		c.Total = min(c.Total, float64(c.ContainerConcurrency))
	}
	c.Utilization = a.number("target-utilization-percentage", "targetUtilizationPercentage", c.Utilization*100, 1, 100) / 100
	c.MinScale = a.count("min-scale", "minScale", c.MinScale, 0)
	c.MaxScale = a.count("max-scale", "maxScale", c.MaxScale, 0)
	c.InitialScale = a.count("initial-scale", "initialScale", c.InitialScale, 0)
	c.ActivationScale = a.count("activation-scale", "activationScale", c.ActivationScale, 2)
	c.ScaleDownDelay = a.duration("scale-down-delay", "scaleDownDelay", c.ScaleDownDelay, 0)
	c.Retention = a.duration("scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod", c.Retention, 0)
	c.StableWindow = a.duration("window", "", c.StableWindow, 6*time.Second).Round(Bucket)
	percent := a.number("panic-window-percentage", "panicWindowPercentage", 100*c.PanicWindow.Seconds()/Defaults().StableWindow.Seconds(), 1, 100)
	c.PanicWindow = max(Bucket, time.Duration(float64(c.StableWindow)*percent/100).Round(Bucket))
	c.PanicThreshold = a.number("panic-threshold-percentage", "panicThresholdPercentage", c.PanicThreshold*100, 110, 1000) / 100
	switch a.text("metric-aggregation-algorithm", "metricAggregationAlgorithm") {
	case "weighted-exponential", "weightedExponential":
		c.Weighted = true
	case "linear":
		c.Weighted = false
	}
	return c
}

// total is what one pod can take where no target is written.
func (c Config) total() float64 {
	switch {
	case c.Total > 0:
		return c.Total
	case c.Metric == RPS:
		return 200
	case c.ContainerConcurrency > 0:
		return float64(c.ContainerConcurrency)
	}
	return 100
}

// Target is how much of the metric one pod is meant to have.
func (c Config) Target() float64 { return max(0.01, math.Round(c.total()*c.Utilization*unit)/unit) }

// capacity is how many requests one pod can have at once; 0 is not known.
func (c Config) capacity() float64 {
	switch {
	case c.ContainerConcurrency > 0:
		return float64(c.ContainerConcurrency)
	case c.Metric == Concurrency:
		return c.total()
	}
	return 0
}

// reader reads annotations of the group in either of their spellings.
type reader map[string]string

func (r reader) text(key, also string) string {
	const group = "autoscaling.knative.dev/"
	if v := r[group+key]; v != "" || also == "" {
		return v
	}
	return r[group+also]
}

func (r reader) number(key, also string, otherwise, low, high float64) float64 {
	v, err := strconv.ParseFloat(r.text(key, also), 64)
	if err != nil || math.IsNaN(v) || v < low || v > high {
		return otherwise
	}
	return v
}

func (r reader) count(key, also string, otherwise, low int32) int32 {
	v, err := strconv.ParseInt(r.text(key, also), 10, 32)
	if err != nil || int32(v) < low {
		return otherwise
	}
	return int32(v)
}

// duration is at most an hour, as with Knative.
func (r reader) duration(key, also string, otherwise, low time.Duration) time.Duration {
	v, err := time.ParseDuration(r.text(key, also))
	if err != nil || v < low || v > time.Hour {
		return otherwise
	}
	return v
}
