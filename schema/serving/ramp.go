package serving

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

const (
	rolloutDuration = "serving.knative.dev/rollout-duration"
	// shortestStep is the least that a step of a ramp lasts.
	shortestStep = time.Second
	// mostSteps is as many as there are percents.
	mostSteps = 100
)

// parseRamp reads `1,5,25,50,100 every 2m`; why says what is wrong with it.
func parseRamp(text string) (r desired.Rollout, why string) {
	const want = "want percents that ascend to 100 and how long each lasts, such as `1,5,25,50,100 every 2m`"
	list, every, found := strings.Cut(strings.TrimSpace(text), " every ")
	list = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(list), "["), "]")
	d, err := time.ParseDuration(strings.TrimSpace(every))
	if !found || err != nil {
		return r, want
	}
	if d < shortestStep {
		return r, fmt.Sprintf("a step lasts at least %s", shortestStep)
	}
	r.Every = d
	before := int64(0)
	for field := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(field), 10, 64)
		if err != nil || len(r.Steps) == mostSteps {
			return desired.Rollout{}, want
		}
		if n <= before || n > 100 {
			return desired.Rollout{}, fmt.Sprintf("%d does not follow %d: the percents ascend from 1 to 100", n, before)
		}
		before = n
		r.Steps = append(r.Steps, n)
	}
	if before != 100 {
		return desired.Rollout{}, fmt.Sprintf("the last step is %d %%: end with 100, or the newer revision never gets everything", before)
	}
	return r, ""
}

// ramp is the check of the annotation's value.
func ramp(v string) string {
	_, why := parseRamp(v)
	return why
}

// rollout is how the annotations of a Service or Route ask traffic to move.
func rollout(annotations map[string]string) desired.Rollout {
	if text, ok := annotations[contract.AnnotationRamp]; ok {
		r, _ := parseRamp(text)
		return r
	}
	for _, key := range append([]string{rolloutDuration}, olderRolloutDuration...) {
		if d, err := time.ParseDuration(annotations[key]); err == nil {
			return desired.Rollout{Duration: d}
		}
	}
	return desired.Rollout{}
}

// oneRollout refuses two ways to move at once.
func (c *check) oneRollout(annotations map[string]string) {
	_, steps := annotations[contract.AnnotationRamp]
	for _, key := range append([]string{rolloutDuration}, olderRolloutDuration...) {
		if v, ok := annotations[key]; ok && steps && v != "0s" && v != "0" {
			c.errorf("metadata.annotations["+contract.AnnotationRamp+"]", "%s says otherwise how traffic moves: keep one of them", key)
		}
	}
}

// ofItsRoute refuses on a Configuration what says how traffic moves.
func (c *check) ofItsRoute(annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if contract.OfRoute(key) {
			c.errorf("metadata.annotations["+key+"]", "is about traffic: move it to the Route")
		}
	}
}
