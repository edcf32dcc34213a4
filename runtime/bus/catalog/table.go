package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// promise is one column of the table: what a bus keeps, in words.
type promise struct {
	title string
	says  func(bus.Promises) string
}

var promises = []promise{
	{"outlives the process", yesNo(func(p bus.Promises) bool { return p.Persistent })},
	{"order per key", yesNo(func(p bus.Promises) bool { return p.Ordered })},
	{"in sequence, one at a time", yesNo(func(p bus.Promises) bool { return p.Sequence })},
	{"replay", func(p bus.Promises) string {
		switch {
		case p.Replay && p.Positions:
			return "by time and position"
		case p.Replay:
			return "by time"
		}
		return "no"
	}},
	{"tail and trace of what was", yesNo(func(p bus.Promises) bool { return p.History })},
	{"lag", func(p bus.Promises) string {
		switch {
		case p.Lag && p.Age:
			return "number and age"
		case p.Lag:
			return "number"
		}
		return "no"
	}},
	{"removes what is not asked for", yesNo(func(p bus.Promises) bool { return p.Listed })},
	{"largest event", func(p bus.Promises) string {
		if p.MaxBytes == 0 {
			return "memory"
		}
		return fmt.Sprintf("%d KiB", p.MaxBytes>>10)
	}},
}

func yesNo(is func(bus.Promises) bool) func(bus.Promises) string {
	return func(p bus.Promises) string {
		if is(p) {
			return "yes"
		}
		return "no"
	}
}

// Table is what every bus promises, as Markdown: a row a driver.
func Table() string {
	var b strings.Builder
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	head, line := []string{"driver"}, []string{"---"}
	for _, p := range promises {
		head, line = append(head, p.title), append(line, "---")
	}
	row(head...)
	row(line...)
	drivers := Drivers()
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		cells := []string{"`" + name + "`"}
		for _, p := range promises {
			cells = append(cells, p.says(drivers[name].Promises))
		}
		row(cells...)
	}
	return b.String()
}

// Arguments is what channels of every bus may say, as Markdown.
func Arguments() string {
	var b strings.Builder
	b.WriteString("| driver | argument of a Channel | default | meaning |\n| --- | --- | --- | --- |\n")
	drivers := Drivers()
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		for _, p := range drivers[name].Channel {
			otherwise := ""
			if p.Default != nil {
				otherwise = "`" + *p.Default + "`"
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", name, p.Name, otherwise, p.Description)
		}
	}
	return b.String()
}
