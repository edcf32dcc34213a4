package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// What the environment may say. SLUICE_BENCH=1 measures everything,
// SLUICE_BENCH=engine leaves the start-up and kubectl out. SLUICE_BENCH_SIZES
// is the numbers of services, such as `100,1000`. SLUICE_BENCH_PROFILE is a
// folder for the engine's CPU and heap profiles.
const (
	envBench   = "SLUICE_BENCH"
	envSizes   = "SLUICE_BENCH_SIZES"
	envProfile = "SLUICE_BENCH_PROFILE"
	// envWorker makes this program the engine's process; its value is a workerConfig.
	envWorker = "SLUICE_BENCH_WORKER"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(envWorker); text != "" {
		if err := work(text); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// whole reports whether this is `make bench`.
func whole() bool { return os.Getenv(envBench) != "" }

// withPeers reports whether start-up and kubectl are measured too.
func withPeers() bool { return os.Getenv(envBench) != "engine" }

// sizes are the numbers of services to measure with.
func sizes(t *testing.T) []int {
	t.Helper()
	text := os.Getenv(envSizes)
	switch {
	case text == "" && whole():
		return []int{100, 500, 1000}
	case text == "":
		return []int{5}
	}
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			t.Fatalf("%s=%s: want numbers such as 100,1000", envSizes, text)
		}
		out = append(out, n)
	}
	return out
}
