package gateway

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	istio "istio.io/client-go/pkg/apis/networking/v1"
)

// parts is into how many maps the hosts are cut: a change copies one or a few.
const parts = 1024

// Table says which rules a host has. Readers take no lock: a host is found in
// an immutable map behind an atomic pointer, and its rules behind another, so
// that all hosts of a VirtualService change their weights in the same instant.
type Table struct {
	log  *slog.Logger
	seed maphash.Seed
	part [parts]atomic.Pointer[map[string]*service]

	mu       sync.Mutex // guards what follows; writers only
	services map[id]*service
	claims   map[string][]*service // who wants a host, the one who has it first
}

type id struct{ namespace, name string }

// service is one VirtualService.
type service struct {
	id       id
	created  time.Time
	hosts    []string
	problems []string
	rules    atomic.Pointer[rules]
}

// NewTable builds an empty Table. log gets problems as they appear; nil: nobody does.
func NewTable(log *slog.Logger) *Table {
	return &Table{
		log:      cmp.Or(log, slog.New(slog.DiscardHandler)),
		seed:     maphash.MakeSeed(),
		services: map[id]*service{},
		claims:   map[string][]*service{},
	}
}

// find is the rules of the host that a request names, or nil. A host that was
// claimed with its port comes before one without.
func (t *Table) find(host string) *rules {
	s := t.lookup(host)
	if s == nil {
		if b := bare(host); b != host {
			s = t.lookup(b)
		}
	}
	if s == nil {
		return nil
	}
	return s.rules.Load()
}

func (t *Table) lookup(host string) *service {
	m := t.slot(host).Load()
	if m == nil {
		return nil
	}
	return (*m)[host]
}

func (t *Table) slot(host string) *atomic.Pointer[map[string]*service] {
	return &t.part[maphash.String(t.seed, host)%parts]
}

// bare is a host in lower case, without port and final dot.
func bare(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// SetRoute tells that a VirtualService is there, or has changed. The object is
// not kept.
func (t *Table) SetRoute(vs *istio.VirtualService) {
	key := id{vs.Namespace, vs.Name}
	if !ours(vs) {
		t.remove(key)
		return
	}
	rs, problems := compile(vs)
	hosts := make([]string, 0, len(vs.Spec.Hosts))
	for _, h := range vs.Spec.Hosts {
		hosts = append(hosts, strings.ToLower(h))
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.services[key]
	if s != nil && s.created.Equal(vs.CreationTimestamp.Time) && slices.Equal(s.hosts, hosts) {
		s.rules.Store(rs)
		t.report(s, problems)
		return
	}
	next := &service{id: key, created: vs.CreationTimestamp.Time, hosts: hosts}
	next.rules.Store(rs)
	t.replace(s, next)
	t.report(next, problems)
}

// replace enters s in the place of an older state of the same VirtualService,
// nil if there was none. A host that both have answers all the time. The caller
// holds mu.
func (t *Table) replace(old, s *service) {
	t.services[s.id] = s
	for _, h := range s.hosts {
		t.claim(h, old, s)
	}
	if old == nil {
		return
	}
	for _, h := range old.hosts {
		if _, kept := slices.BinarySearch(s.hosts, h); !kept {
			t.leave(h, old)
		}
	}
}

// DeleteRoute tells that a VirtualService is gone.
func (t *Table) DeleteRoute(namespace, name string) { t.remove(id{namespace, name}) }

func (t *Table) remove(key id) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.services[key]; s != nil {
		t.withdraw(s)
	}
}

// report keeps a service's problems and logs those that are new. The caller holds mu.
func (t *Table) report(s *service, problems []string) {
	for _, p := range problems {
		if !slices.Contains(s.problems, p) {
			t.log.Warn("virtual service not followed in full", "namespace", s.id.namespace, "route", s.id.name, "problem", p)
		}
	}
	s.problems = problems
}

// claim enters s among those who want host, in the place of before. The caller
// holds mu.
func (t *Table) claim(host string, before, s *service) {
	others := slices.DeleteFunc(t.claims[host], func(o *service) bool { return o == before })
	at, _ := slices.BinarySearchFunc(others, s, older)
	all := slices.Insert(others, at, s)
	t.claims[host] = all
	t.give(host, all[0])
	if len(all) > 1 {
		loser := all[max(at, 1)]
		t.log.Warn("two virtual services claim one host", "host", host, "winner", all[0].id.String(), "loser", loser.id.String())
	}
}

// older orders services by age, then by name.
func older(a, b *service) int {
	return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.id.namespace, b.id.namespace), cmp.Compare(a.id.name, b.id.name))
}

func (i id) String() string { return i.namespace + "/" + i.name }

// withdraw removes s and gives its hosts to whoever comes next. The caller holds mu.
func (t *Table) withdraw(s *service) {
	delete(t.services, s.id)
	for _, h := range s.hosts {
		t.leave(h, s)
	}
}

// leave takes s from those who want host. The caller holds mu.
func (t *Table) leave(host string, s *service) {
	rest := slices.DeleteFunc(t.claims[host], func(o *service) bool { return o == s })
	if len(rest) == 0 {
		delete(t.claims, host)
		t.give(host, nil)
		return
	}
	t.claims[host] = rest
	t.give(host, rest[0])
}

// give writes, for readers, who has host. The caller holds mu.
func (t *Table) give(host string, s *service) {
	slot := t.slot(host)
	next := map[string]*service{}
	if m := slot.Load(); m != nil {
		if (*m)[host] == s {
			return
		}
		next = maps.Clone(*m)
	}
	if s == nil {
		delete(next, host)
	} else {
		next[host] = s
	}
	slot.Store(&next)
}

// Problem is a VirtualService that is not, or not wholly, followed.
type Problem struct {
	// Namespace and Name are the VirtualService's.
	Namespace, Name string
	// Text says what is not followed, and why.
	Text string
}

// Problems lists what is wrong with the VirtualServices that the table has, in
// the order of their names.
func (t *Table) Problems() []Problem {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Problem
	for _, s := range t.services {
		for _, p := range s.problems {
			all = append(all, Problem{s.id.namespace, s.id.name, p})
		}
		for _, h := range s.hosts {
			if has := t.claims[h][0]; has != s {
				all = append(all, Problem{s.id.namespace, s.id.name, fmt.Sprintf("host %s belongs to %s, which is older", h, has.id)})
			}
		}
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text))
	})
	return all
}
