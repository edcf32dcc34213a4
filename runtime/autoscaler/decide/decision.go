package decide

import (
	"math"
	"strconv"
	"time"
)

// Limit is the bound that made a decision differ from what load asked for.
type Limit string

// The limits.
const (
	LimitNone       Limit = ""
	LimitMin        Limit = "min-scale"
	LimitMax        Limit = "max-scale"
	LimitInitial    Limit = "initial-scale"
	LimitActivation Limit = "activation-scale"
	LimitUp         Limit = "max-scale-up-rate"
	LimitDown       Limit = "max-scale-down-rate"
	LimitDelay      Limit = "scale-down-delay"
	LimitPanic      Limit = "panic"
	LimitWindow     Limit = "window"
	LimitRetention  Limit = "scale-to-zero-pod-retention-period"
	LimitZero       Limit = "enable-scale-to-zero"
)

// Decision is how many pods a revision should have, and why.
type Decision struct {
	// At is when it was made.
	At time.Time `json:"at"`
	// Want is how many pods there should be.
	Want int32 `json:"want"`
	// Have is how many were asked for until now, Ready how many took requests.
	Have  int32 `json:"have"`
	Ready int32 `json:"ready"`
	// InFlight and Queued are the requests of that moment.
	InFlight int `json:"inFlight"`
	Queued   int `json:"queued"`
	// StableValue and PanicValue are the metric's averages over the two windows.
	StableValue float64 `json:"stableValue"`
	PanicValue  float64 `json:"panicValue"`
	// Metric is what they count; Target is how much of it a pod is meant to have.
	Metric Metric  `json:"metric"`
	Target float64 `json:"target"`
	// Panic is whether there was more than the pods could take within the last
	// stable window, so that none is taken away.
	Panic bool `json:"panic,omitempty"`
	// Limit is the bound that applied.
	Limit Limit `json:"limit,omitempty"`
	// Reason says it in a sentence.
	Reason string `json:"reason"`
	// Again is when to decide again if nothing happens before; 0 is never: the
	// state holds nothing that a new one would not.
	Again time.Duration `json:"-"`
}

// cause is what a number of pods was wanted for.
type cause uint8

const (
	causeIdle cause = iota
	causeLoad
	causePanic
	causeWake
	causeSurge
	causeNow
	causeUnknown
	causeInitial
	causeFailed
	causeUnrouted
	causeElsewhere
)

// explain writes the sentence, or takes the one of the decision before if that
// says the same.
func (d *Decision) explain(why cause, c *Config, raw int32, before string) {
	var room [224]byte
	b := room[:0]
	switch why {
	case causeIdle:
		b = append(b, "no request"...)
	case causeLoad:
		b = d.average(b, d.StableValue, c.StableWindow)
	case causePanic:
		b = d.average(b, d.PanicValue, c.PanicWindow)
	case causeWake:
		b = append(d.now(b), " and no pod"...)
	case causeSurge:
		b = append(d.now(b), ", more than the ready pods take"...)
	case causeNow:
		b = d.now(b)
	case causeUnknown:
		b = append(b, "no activator reports: nothing is changed"...)
	case causeInitial:
		b = append(b, "not ready yet: it begins with its initial scale"...)
	case causeFailed:
		b = append(b, "did not become ready in time, and no route leads to it"...)
	case causeUnrouted:
		b = append(b, "no route leads to it"...)
	case causeElsewhere:
		b = append(b, "its HorizontalPodAutoscaler scales it, and never to zero"...)
	}
	b = d.bound(b, c, raw)
	if d.Reason = before; before != string(b) {
		d.Reason = string(b)
	}
}

// average is "12.3 requests at once on average over 60s, 7 per pod aimed at".
func (d *Decision) average(b []byte, value float64, over time.Duration) []byte {
	b = strconv.AppendFloat(b, math.Round(value*1000)/1000, 'f', -1, 64)
	if d.Metric == RPS {
		b = append(b, " requests/s"...)
	} else {
		b = append(b, " requests at once"...)
	}
	b = append(seconds(append(b, " on average over "...), over), ", "...)
	return append(strconv.AppendFloat(b, d.Target, 'f', -1, 64), " per pod aimed at"...)
}

// now is "50 requests now (10 at pods, 40 waiting)".
func (d *Decision) now(b []byte) []byte {
	b = append(counted(b, int64(d.InFlight+d.Queued), " request"), " now ("...)
	b = append(strconv.AppendInt(b, int64(d.InFlight), 10), " at pods, "...)
	return append(strconv.AppendInt(b, int64(d.Queued), 10), " waiting)"...)
}

// bound adds which limit applied.
func (d *Decision) bound(b []byte, c *Config, raw int32) []byte {
	switch d.Limit {
	case LimitNone:
		return b
	case LimitPanic:
		b = append(b, "; none is taken away for a window after a rush"...)
	case LimitWindow:
		b = append(seconds(append(b, "; the last pod goes after "...), c.StableWindow), " without"...)
	case LimitRetention:
		b = append(seconds(append(b, "; the last pod stays for "...), c.StableWindow+c.Retention), " without"...)
	default:
		b = counted(append(b, "; that would be "...), int64(raw), " pod")
	}
	return append(append(append(b, " ("...), d.Limit...), ')')
}

// counted is "1 pod" or "2 pods".
func counted(b []byte, n int64, what string) []byte {
	if b = append(strconv.AppendInt(b, n, 10), what...); n != 1 {
		b = append(b, 's')
	}
	return b
}

func seconds(b []byte, d time.Duration) []byte {
	return append(strconv.AppendFloat(b, d.Seconds(), 'f', -1, 64), 's')
}
