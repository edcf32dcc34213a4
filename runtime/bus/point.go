package bus

import (
	"fmt"
	"time"
)

// Point is a place on a topic. The zero Point is the oldest stored message.
type Point struct {
	kind     pointKind
	time     time.Time
	position string
}

type pointKind int

const (
	atEarliest pointKind = iota
	atLatest
	atTime
	atPosition
)

// Earliest is the oldest stored message.
func Earliest() Point { return Point{} }

// Latest is after the newest stored message.
func Latest() Point { return Point{kind: atLatest} }

// Since is the first message stored at t or later.
func Since(t time.Time) Point { return Point{kind: atTime, time: t} }

// From is the message at a Position, itself included.
func From(position string) Point { return Point{kind: atPosition, position: position} }

// IsEarliest says whether p is the oldest stored message.
func (p Point) IsEarliest() bool { return p.kind == atEarliest }

// IsLatest says whether p is after the newest stored message.
func (p Point) IsLatest() bool { return p.kind == atLatest }

// Time returns the time of a Since.
func (p Point) Time() (time.Time, bool) { return p.time, p.kind == atTime }

// Position returns the position of a From.
func (p Point) Position() (string, bool) { return p.position, p.kind == atPosition }

// String is how ParsePoint reads it.
func (p Point) String() string {
	switch p.kind {
	case atLatest:
		return "latest"
	case atTime:
		return p.time.Format(time.RFC3339Nano)
	case atPosition:
		return "position " + p.position
	}
	return "earliest"
}

// ParsePoint reads "earliest" or "oldest", "latest" or "newest", an RFC 3339
// time, a duration before now such as "15m", or "position P". Upper and lower
// case are the same.
func ParsePoint(s string, now time.Time) (Point, error) {
	switch lower(s) {
	case "", "earliest", "oldest":
		return Earliest(), nil
	case "latest", "newest":
		return Latest(), nil
	}
	if p, ok := cutPrefixFold(s, "position "); ok && p != "" {
		return From(p), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return Since(t), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return Since(now.Add(-d)), nil
	}
	return Point{}, fmt.Errorf("%q is no point of a topic: write earliest, latest, a time (2026-01-31T15:04:05Z), how long ago (15m), or position P", s)
}
