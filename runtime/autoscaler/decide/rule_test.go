package decide

import (
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// golden is a decider as Knative's own tests have it: ten per pod.
func golden(change func(*Config)) *State {
	c := Defaults()
	c.Total, c.Utilization, c.MaxUpRate, c.MaxDownRate = 10, 1, 10, 10
	c.ContainerConcurrency = 1000 // no surge: the vectors have averages only
	if change != nil {
		change(&c)
	}
	st := Begin(c, 0, start)
	return &st
}

// look is one decision of the rule from averages given.
func (st *State) look(at time.Duration, stable, rush float64, ready int32) int32 {
	st.last = start.Add(at).UnixNano()
	d := Decision{StableValue: stable, PanicValue: rush, Target: st.config.Target()}
	want, _, _ := st.rule(&d, &Samples{Have: max(1, ready), Ready: ready, Known: true, Initialised: true, Reachable: true})
	return want
}

type vector struct {
	at           time.Duration
	stable, rush float64
	ready        int32
	want         int32
}

func TestRule_AgreesWithKnativesGoldenVectors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		looks  []vector
	}{
		{"no load wants no pod", nil, []vector{{0, 0, 0, 1, 0}}},
		{"stable 50 at target 10", nil, []vector{{0, 50, 50, 1, 5}}},
		{"stable 100 at target 10", nil, []vector{{0, 100, 100, 1, 10}}},
		{"up no faster than the rate", nil, []vector{{0, 1000, 1001, 1, 10}, {2 * time.Second, 1000, 1001, 10, 100}}},
		{"down no faster than the rate", nil, []vector{{0, 1, 1, 100, 10}, {2 * time.Second, 1, 1, 10, 1}}},
		{"down again within the two seconds of a step goes no further", nil, []vector{{0, 1, 1, 100, 10}, {time.Second, 1, 1, 10, 10}}},
		{"panic holds for the stable window", nil, []vector{
			{0, 100, 100, 1, 10}, {time.Second, 100, 1000, 10, 100},
			{30 * time.Second, 1, 1, 10, 100}, {62 * time.Second, 1, 1, 10, 1}}},
		{"panic is prolonged by what is over the threshold", nil, []vector{
			{0, 10, 20, 1, 2}, {50 * time.Second, 10, 40, 2, 4}, {100 * time.Second, 1, 1, 4, 4}, {111 * time.Second, 1, 1, 4, 1}}},
		{"below the threshold there is no panic", nil, []vector{{0, 100, 100, 10, 10}, {2 * time.Second, 100, 190, 10, 10}}},
		{"activation scale leaves zero alone", func(c *Config) { c.ActivationScale = 2 }, []vector{{0, 0, 0, 1, 0}}},
		{"activation scale is the least other than zero", func(c *Config) { c.ActivationScale = 2 }, []vector{{0, 1, 1, 1, 2}}},
		{"the default rate halves", func(c *Config) { c.MaxDownRate = 2 }, []vector{{0, 0, 0, 5, 2}, {2 * time.Second, 0, 0, 2, 1}, {4 * time.Second, 0, 0, 1, 0}}},
		{"scale-down-delay keeps the larger number", func(c *Config) { c.ScaleDownDelay = 10 * time.Second }, []vector{
			{0, 50, 50, 5, 5}, {2 * time.Second, 40, 40, 5, 5}, {9 * time.Second, 20, 20, 5, 5},
			{11 * time.Second, 20, 20, 5, 4}, {13 * time.Second, 20, 20, 4, 2}}},
		{"a threshold of 1000 percent", func(c *Config) { c.PanicThreshold = 10; c.MaxUpRate = 1000 }, []vector{
			{0, 10, 90, 1, 1}, {2 * time.Second, 10, 100, 1, 10}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := golden(tt.change)
			for _, v := range tt.looks {
				if got := st.look(v.at, v.stable, v.rush, v.ready); got != v.want {
					t.Errorf("at %v, stable %g, panic %g, ready %d: want %d pods, got %d", v.at, v.stable, v.rush, v.ready, v.want, got)
				}
			}
		})
	}
}
