package usage

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// use is what a container that began at start has used after a time.
func use(after, cpu time.Duration) Use {
	return Use{Since: start, At: start.Add(after), CPU: cpu, Memory: 3 << 20}
}

func TestMeasure(t *testing.T) {
	before := &measured{use: use(10*time.Second, 2*time.Second), cores: 0.7, window: 5 * time.Second}
	again := use(20*time.Second, time.Second)
	again.Since = start.Add(15 * time.Second)
	for name, tt := range map[string]struct {
		before *measured
		now    Use
		cores  float64
		window time.Duration
	}{
		"the first look averages from the start":   {nil, use(10*time.Second, 2*time.Second), 0.2, 10 * time.Second},
		"the next one since the one before":        {before, use(15*time.Second, 7*time.Second), 1, 5 * time.Second},
		"one long ago says nothing":                {before, use(100*time.Second, 10*time.Second), 0.1, 100 * time.Second},
		"one just now leaves things as they are":   {before, use(10*time.Second+50*time.Millisecond, 3*time.Second), 0.7, 5 * time.Second},
		"a restart is another run":                 {before, again, 0.2, 5 * time.Second},
		"what was counted twice once is nothing":   {before, use(15*time.Second, time.Second), 0, 5 * time.Second},
		"two cores are two":                        {before, use(12*time.Second, 6*time.Second), 2, 2 * time.Second},
		"the very moment of the start has no rate": {nil, use(0, time.Second), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := measure(tt.before, tt.now)
			if diff := got.cores - tt.cores; diff > 1e-9 || diff < -1e-9 || got.window != tt.window || got.use.Memory != 3<<20 {
				t.Errorf("%v cores in %v, want %v in %v", got.cores, got.window, tt.cores, tt.window)
			}
		})
	}
}

func TestMeasure_IsWrittenInNanocoresAndKibibytes(t *testing.T) {
	list := measured{use: Use{Memory: 5<<20 + 7}, cores: 0.25}.list()
	if cpu, memory := list.Cpu().String(), list.Memory().String(); cpu != "250000000n" && cpu != "250m" || memory != "5Mi" {
		t.Errorf("cpu %s, memory %s", cpu, memory)
	}
}

// counter is a source that counts how often it is read.
type counter struct {
	reads int
	err   error
}

func (c *counter) Read(context.Context) (Reading, error) {
	c.reads++
	took := time.Duration(c.reads) * time.Second / 2
	return Reading{Node: "local", Containers: map[Container]Use{{"default", "a", "main"}: {Since: start, At: time.Now(), CPU: took}}}, c.err
}

func TestSampler_LooksWhenAskedAndAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counter{}
		s := sampler{source: source}
		ask := func() *sample {
			t.Helper()
			got, err := s.sample(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		ask()
		time.Sleep(999 * time.Millisecond)
		if ask(); source.reads != 1 {
			t.Errorf("%d reads within a second", source.reads)
		}
		time.Sleep(time.Millisecond)
		got := ask().containers[Container{"default", "a", "main"}]
		if source.reads != 2 || got.cores != 0.5 || got.window != time.Second {
			t.Errorf("%d reads, %v cores in %v", source.reads, got.cores, got.window)
		}
		time.Sleep(time.Hour)
		if source.reads != 2 {
			t.Errorf("%d reads though nobody asked", source.reads)
		}
		source.err = errors.New("no")
		if _, err := s.sample(t.Context()); err == nil {
			t.Error("the source's failure is hidden")
		}
	})
}
