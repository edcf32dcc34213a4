package serving

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The checks of annotation values: each says what it wants, "" if it has it.

func filled(v string) string {
	if v == "" {
		return "want a value"
	}
	return ""
}

func boolean(v string) string {
	if _, err := strconv.ParseBool(v); err != nil {
		return `want "true" or "false"`
	}
	return ""
}

func percentage(v string) string {
	if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < 0 || n > 100 {
		return `want a whole number of percents, such as "10"`
	}
	return ""
}

func class(v string) string {
	if unknownClass(v) {
		return "want " + classKPA + " or " + classHPA
	}
	return ""
}

// unknownClass tells of a class in Knative's own group that it does not have;
// one of another group is somebody else's.
func unknownClass(v string) bool {
	return strings.HasSuffix(v, ".autoscaling.knative.dev") && v != classKPA && v != classHPA
}

func algorithm(v string) string {
	switch v {
	case "linear", "weighted-exponential", "weightedExponential":
		return ""
	}
	return "want linear or weighted-exponential"
}

func httpProtocol(v string) string {
	switch strings.ToLower(v) {
	case "enabled", "redirected", "disabled":
		return ""
	}
	return "want Enabled or Redirected"
}

func count0(v string) string {
	if n, err := strconv.ParseInt(v, 10, 32); err != nil || n < 0 {
		return `want a whole number of pods, 0 or more, such as "1"`
	}
	return ""
}

func atLeast2(v string) string {
	if n, err := strconv.ParseInt(v, 10, 32); err != nil || n < 2 {
		return `want a whole number of pods, 2 or more, such as "2"`
	}
	return ""
}

func burst(v string) string {
	if n, err := strconv.ParseFloat(v, 64); err != nil || n < 0 && n != -1 {
		return "want -1, 0 or a larger number"
	}
	return ""
}

// number wants low to high; high 0 is no upper limit.
func number(low, high float64) func(string) string {
	return func(v string) string {
		n, err := strconv.ParseFloat(v, 64)
		switch {
		case err == nil && n >= low && n <= math.MaxFloat64 && (high == 0 || n <= high):
			return ""
		case high == 0:
			return fmt.Sprintf("want a number of at least %g", low)
		}
		return fmt.Sprintf("want a number from %g to %g", low, high)
	}
}

// seconds wants a duration of whole seconds; high 0 is no upper limit.
func seconds(low, high int) func(string) string {
	return func(v string) string {
		d, err := time.ParseDuration(v)
		inside := d >= time.Duration(low)*time.Second && (high == 0 || d <= time.Duration(high)*time.Second)
		switch {
		case err == nil && inside && d%time.Second == 0:
			return ""
		case high == 0:
			return `want a duration of whole seconds, such as "60s"`
		}
		return fmt.Sprintf(`want a duration of whole seconds from "%ds" to "%ds"`, low, high)
	}
}

// duration wants one from nothing to high seconds.
func duration(high int) func(string) string {
	return func(v string) string {
		if d, err := time.ParseDuration(v); err != nil || d < 0 || d > time.Duration(high)*time.Second {
			return fmt.Sprintf(`want a duration from "0s" to "%ds", such as "30s"`, high)
		}
		return ""
	}
}

// scales checks that min, activation and max stand in their order.
func (c *check) scales(at func(name string) string, a map[string]string) {
	least, most, wake := scale(a, "min-scale"), scale(a, "max-scale"), scale(a, "activation-scale")
	if most > 0 && least > most {
		c.errorf(at("max-scale"), "max-scale %d is less than min-scale %d", most, least)
	}
	if wake > 0 && wake < least {
		c.errorf(at("activation-scale"), "activation-scale %d is less than min-scale %d", wake, least)
	}
	if wake > 0 && most > 0 && wake > most {
		c.errorf(at("activation-scale"), "activation-scale %d is more than max-scale %d", wake, most)
	}
}

func scale(a map[string]string, name string) int {
	n, err := strconv.Atoi(a[autoscaling+name])
	if err != nil {
		return 0
	}
	return n
}
