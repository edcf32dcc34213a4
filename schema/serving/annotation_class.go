package serving

const (
	classKPA = "kpa.autoscaling.knative.dev"
	classHPA = "hpa.autoscaling.knative.dev"
)

// byRequests are the annotations that say how to scale on requests, which a
// HorizontalPodAutoscaler does not do.
var byRequests = []string{
	"activation-scale", "initial-scale", "scale-down-delay", "target-utilization-percentage", "panic-window-percentage", "panic-threshold-percentage",
	"scale-to-zero-pod-retention-period", "metric-aggregation-algorithm",
}

// scaler checks that the autoscaler of the class knows the metric, and says
// what it does not act on.
func (c *check) scaler(at func(name string) string, a map[string]string) {
	switch class, metric := a[autoscaling+"class"], a[autoscaling+"metric"]; class {
	case "", classKPA:
		if metric != "" && metric != "concurrency" && metric != "rps" {
			c.errorf(at("metric"), "want concurrency or rps, got %q; cpu and memory are for class %s", short(metric), classHPA)
		}
	case classHPA:
		for _, name := range byRequests {
			if _, written := a[autoscaling+name]; written && !(name == "initial-scale" && scale(a, name) > 0) {
				c.warnf(at(name), "is accepted but not acted on: a HorizontalPodAutoscaler scales this class, between min-scale (1 at least) and max-scale")
			}
		}
	default:
		if unknownClass(class) {
			return // it has been refused
		}
		c.warnf(at("class"), "is accepted but not acted on: no autoscaler of that class is known here, so pods follow requests as with %s", classKPA)
	}
}
