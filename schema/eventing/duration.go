package eventing

import (
	"regexp"
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// iso8601 is a duration as Knative writes it: PT0.2S, PT1M30S, P1DT12H.
var iso8601 = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?$`)

// parseDuration reads an ISO 8601 duration or one of Go's.
func parseDuration(text string) (contract.Duration, bool) {
	if d, err := time.ParseDuration(text); err == nil {
		return contract.Duration(d), true
	}
	m := iso8601.FindStringSubmatch(text)
	if m == nil || m[1]+m[2]+m[3]+m[4] == "" {
		return 0, false
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseFloat(m[i+1], 64)
		if err != nil || n > 36500 && i == 0 || n*float64(unit) > float64(1<<62) {
			return 0, false
		}
		total += time.Duration(n * float64(unit))
	}
	return contract.Duration(total), true
}

// duration reads a duration of at least low; an empty text is 0.
func (c *check) duration(path, text string, low time.Duration) contract.Duration {
	if text == "" {
		return 0
	}
	d, ok := parseDuration(text)
	switch {
	case !ok:
		c.errorf(path, "%q is no duration: write it as PT1M30S or 1m30s", short(text))
	case time.Duration(d) < low && low == 1:
		c.errorf(path, "want more than nothing, got %q", short(text))
	case time.Duration(d) < low:
		c.errorf(path, "want at least %s, got %q", low, short(text))
	}
	return d
}
