package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ticker is a process of `sluice source ping` that can be killed, and the sink
// that notes its ticks.
type ticker struct {
	t     *testing.T
	env   []string
	state string
	ticks chan time.Time
	run   *exec.Cmd
}

func newTicker(t *testing.T, schedule, missed string) *ticker {
	k := &ticker{t: t, state: filepath.Join(t.TempDir(), "state"), ticks: make(chan time.Time, 1000)}
	sink := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("ce-id")
		unix, err := strconv.ParseInt(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
		if err != nil {
			t.Errorf("the tick has the id %q", id)
		}
		k.ticks <- time.Unix(unix, 0)
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(sink.Close)
	spec := fmt.Sprintf(`{"namespace":"default","name":"tick","ping":{"schedule":%q,"missed":%q}}`, schedule, missed)
	k.env = append(os.Environ(), "K_SINK="+sink.URL, "SLUICE_SOURCE="+spec)
	t.Cleanup(k.kill)
	return k
}

func (k *ticker) start() {
	k.t.Helper()
	k.run = exec.Command("sluice", "source", "ping", "--state", k.state, "--admin", "127.0.0.1:0")
	k.run.Env = k.env
	if err := k.run.Start(); err != nil {
		k.t.Fatal(err)
	}
}

// kill gives the process no time to say goodbye.
func (k *ticker) kill() {
	if k.run != nil {
		_ = k.run.Process.Kill()
		_ = k.run.Wait() // it was killed
		k.run = nil
	}
}

// next is the next tick that comes.
func (k *ticker) next() time.Time {
	k.t.Helper()
	select {
	case tick := <-k.ticks:
		return tick
	case <-time.After(20 * time.Second):
		k.t.Fatal("no tick comes")
		return time.Time{}
	}
}

// until gives all ticks up to the first that is not before t.
func (k *ticker) until(t time.Time) (all []time.Time) {
	for {
		tick := k.next()
		all = append(all, tick)
		if !tick.Before(t) {
			return all
		}
	}
}

// remembers waits until the state says when the last tick was.
func (k *ticker) remembers() map[string]string {
	k.t.Helper()
	for late := time.Now().Add(20 * time.Second); time.Now().Before(late); time.Sleep(10 * time.Millisecond) {
		var state map[string]string
		if b, err := os.ReadFile(k.state); err == nil && json.Unmarshal(b, &state) == nil && state["tick"] != "" {
			return state
		}
	}
	k.t.Fatal("the last tick is not remembered")
	return nil
}

// TestSourcePing_NoTickIsLostWhenItIsKilled kills the process in the middle of its
// work, and lets seconds pass.
func TestSourcePing_NoTickIsLostWhenItIsKilled(t *testing.T) {
	t.Parallel()
	k := newTicker(t, "* * * * * *", "all")
	k.start()
	first := k.next()
	k.remembers()
	ticks := append([]time.Time{first}, k.until(first.Add(2*time.Second))...)
	k.kill()
	back := time.Now().Add(3 * time.Second)
	time.Sleep(time.Until(back)) // time has to pass: these ticks are missed
	if len(k.ticks) != 0 {
		t.Fatal("a process that was killed goes on")
	}
	k.start()
	ticks = append(ticks, k.until(back.Add(time.Second))...)
	k.kill()
	again := len(ticks) - len(slices.Compact(slices.SortedFunc(slices.Values(ticks), time.Time.Compare)))
	if again > 2 {
		t.Errorf("%d ticks came twice; only those of the last second may", again)
	}
	slices.SortFunc(ticks, time.Time.Compare)
	for i, tick := range slices.Compact(ticks) {
		if want := first.Add(time.Duration(i) * time.Second); !tick.Equal(want) {
			t.Fatalf("the tick of %s is lost: %v", want, ticks)
		}
	}
}

// TestSourcePing_MissedTicksAsThePolicySays kills a process with an hourly
// schedule, and has it remember a time more than three ticks ago, as if so long
// had passed.
func TestSourcePing_MissedTicksAsThePolicySays(t *testing.T) {
	for missed, want := range map[string]int{"all": 3, "one": 1, "skip": 0} {
		t.Run(missed, func(t *testing.T) {
			t.Parallel()
			newest := time.Now().Add(-10 * time.Minute).Truncate(time.Minute).UTC()
			k := newTicker(t, fmt.Sprintf("%d * * * *", newest.Minute()), missed)
			k.start()
			state := k.remembers()
			k.kill()
			state["tick"] = newest.Add(-2*time.Hour - time.Minute).Format(time.RFC3339)
			b, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(k.state, b, 0o600); err != nil {
				t.Fatal(err)
			}
			k.start()
			for i := want; i > 0; i-- {
				if tick := k.next(); !tick.Equal(newest.Add(-time.Duration(i-1) * time.Hour)) {
					t.Errorf("the tick of %s came, the newest is %s", tick, newest)
				}
			}
			time.Sleep(500 * time.Millisecond) // what should not come would come at once
			if len(k.ticks) != 0 {
				t.Errorf("one more came: %s", <-k.ticks)
			}
		})
	}
}
