package eventing

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// optionPrefix begins the annotations by which a spec says what no field of
// its kind can. They are annotations so that the same file stays good for
// Knative, which leaves them alone.
const optionPrefix = "events.sluice.dev/"

// options are a document's annotations of ours. What nobody has taken in the
// end is unknown.
type options struct {
	c    *check
	left map[string]string
	// known collects what was asked for, to suggest it.
	known map[string]bool
}

// options gathers the annotations, and refuses those that the platform writes.
func (c *check) options(annotations map[string]string) options {
	o := options{c: c, left: map[string]string{}, known: map[string]bool{}}
	for key, value := range annotations {
		if name, ours := strings.CutPrefix(key, optionPrefix); ours {
			o.left[name] = value
		}
		if contract.Reserved(key) {
			c.errorf("metadata.annotations["+key+"]", "is written by the platform: leave it out")
		}
	}
	return o
}

func (o options) path(name string) string {
	return "metadata.annotations[" + optionPrefix + name + "]"
}

// take gives an annotation's value, once.
func (o options) take(name string) (string, bool) {
	o.known[name] = true
	value, ok := o.left[name]
	delete(o.left, name)
	return strings.TrimSpace(value), ok
}

// done refuses what nobody asked for.
func (o options) done() {
	for _, name := range slices.Sorted(maps.Keys(o.left)) {
		known := slices.Sorted(maps.Keys(o.known))
		hint := "; known here: " + strings.Join(known, ", ")
		if near, ok := schema.Nearest(name, known); ok {
			hint = ": did you mean " + optionPrefix + near + "?"
		}
		if len(known) == 0 {
			hint = ": leave it out"
		}
		o.c.errorf(o.path(name), "means nothing on a %s%s", o.c.doc.Kind, hint)
	}
}

func (o options) integer(name, text string, low, high int64) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		o.c.errorf(o.path(name), "want a whole number from %d to %d, got %q", low, high, short(text))
	}
	return n
}

func (o options) duration(name string, low time.Duration, into *contract.Duration) {
	if text, ok := o.take(name); ok && *into == 0 {
		*into = o.c.duration(o.path(name), text, low)
	}
}

// channelOrURL is where events go in an annotation: a Channel of the same
// namespace by its name, or a host or URL.
func (c *check) channelOrURL(path, text string) to {
	if strings.ContainsAny(text, ".:/") || text == "" {
		return c.dnsName(path, text)
	}
	ns := c.doc.Identity.Namespace
	return to{
		contract.Destination{Channel: &contract.Ref{Namespace: ns, Name: text}},
		[]desired.Reference{c.reference(path, ChannelsGroup, "Channel", ns, text)},
	}
}

// channelOptions is what annotations say of a channel. A Broker has none to
// deliver to, but they bound all of its triggers.
func (c *check) channelOptions(o options, into *desired.Channel) {
	o.duration("retention", time.Second, &into.Retention)
	if text, ok := o.take("max-bytes"); ok {
		into.MaxBytes = o.integer("max-bytes", text, 1<<10, 64<<20)
	}
}

// busOptions is which bus a channel of today's kinds stands on.
func (c *check) busOptions(o options, into *desired.Channel) {
	bus, local := o.take("bus")
	cluster, global := o.take("cluster-bus")
	switch {
	case local && global:
		c.errorf(o.path("cluster-bus"), "a channel stands on one bus: keep %sbus or this", optionPrefix)
	case local:
		into.Bus, into.BusAt = contract.Ref{Namespace: c.doc.Identity.Namespace, Name: bus}, c.place(o.path("bus"))
	case global:
		into.Bus, into.BusAt = contract.Ref{Name: cluster}, c.place(o.path("cluster-bus"))
	}
	into.Arguments = append(into.Arguments, c.argumentOption(o)...)
}

// argumentOption reads `arguments`: NAME=VALUE, separated by commas or lines.
func (c *check) argumentOption(o options) []desired.Argument {
	text, ok := o.take("arguments")
	if !ok {
		return nil
	}
	var out []desired.Argument
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || name == "" {
			c.errorf(o.path("arguments"), "%q is no argument: write NAME=VALUE, several separated by commas", short(pair))
			continue
		}
		out = append(out, desired.Argument{Name: name, Value: value, Place: c.place(o.path("arguments"))})
	}
	return out
}
