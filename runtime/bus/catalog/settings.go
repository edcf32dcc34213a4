package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings reads a driver's settings and collects what is wrong with them.
type settings struct {
	driver string
	values map[string]string
	known  []Parameter
	err    error
}

// text returns a setting, its default where it is not given.
func (s *settings) text(name string) string {
	if v := s.values[name]; v != "" {
		return v
	}
	for _, p := range s.known {
		if p.Name == name && p.Default != nil {
			return *p.Default
		}
	}
	return ""
}

// list splits at commas.
func (s *settings) list(name string) (all []string) {
	for part := range strings.SplitSeq(s.text(name), ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

func (s *settings) number(name string) int64 {
	v := s.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 {
		s.wrong("%s: %q is no number", name, v)
	}
	return n
}

func (s *settings) duration(name string) time.Duration {
	v := s.text(name)
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		s.wrong("%s: %q is no duration; write it as 1m30s", name, v)
	}
	return d
}

func (s *settings) yes(name string) bool {
	v := s.text(name)
	b, err := strconv.ParseBool(v)
	if v != "" && err != nil {
		s.wrong("%s: %q: write true or false", name, v)
	}
	return b
}

func (s *settings) wrong(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("bus %s: "+format, append([]any{s.driver}, args...)...)
	}
}

// check finds settings that are missing or that no one knows.
func (s *settings) check() {
	for _, p := range s.known {
		if p.Default == nil && !p.Optional && s.values[p.Name] == "" {
			s.wrong("parameter %s is required: %s", p.Name, p.Description)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if !slices.ContainsFunc(s.known, func(p Parameter) bool { return p.Name == name }) {
			s.wrong("parameter %s is unknown; it takes %s", name, strings.Join(names(s.known), ", "))
		}
	}
}

func names(ps []Parameter) (all []string) {
	for _, p := range ps {
		all = append(all, p.Name)
	}
	return all
}
