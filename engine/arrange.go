package engine

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/preview"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// arrange decides, from what is known of the refs and of the branch, what is
// previewed. It reads nothing: a merge takes a preview away in the same pass
// that moves the traffic.
func (e *Engine) arrange() {
	e.previews.of, e.previews.list, e.previews.aside = nil, nil, aside{}
	if len(e.previews.seen) == 0 {
		return
	}
	policy, _ := e.policy()
	a := arrangement{engine: e, policy: policy, taken: map[configurationKey]int64{}, out: map[configurationKey][]render.Preview{}}
	for _, ref := range e.previews.seen {
		p := status.Preview{Ref: ref.name, Commit: ref.commit, Subject: Subject(ref.head.Message), Open: ref.open(), State: ref.state, Over: ref.over, Reason: ref.closed}
		if ref.paused != "" {
			p.Reason = ref.paused
		}
		a.begin(ref)
		for _, part := range ref.parts {
			a.part(&p, part)
		}
		a.code(&p)
		e.previews.list = append(e.previews.list, p)
	}
	e.previews.of = a.out
}

// arrangement is what has been given away so far.
type arrangement struct {
	engine *Engine
	policy preview.Policy
	taken  map[configurationKey]int64
	out    map[configurationKey][]render.Preview
	// hosts are those that the branch itself uses, by namespace; made when
	// first asked for.
	hosts map[string]map[string]bool
	// tree is that of the ref under way, done which Services were taken.
	tree otherTree
	done map[schema.Identity]bool
}

// begin takes up a ref.
func (a *arrangement) begin(ref *seenRef) {
	a.done = map[schema.Identity]bool{}
	a.tree = otherTree{snapshot: ref.tree, tag: "preview-" + preview.Tag(ref.name, ""), specs: map[string]bool{}}
	for _, part := range ref.parts {
		for _, entry := range part.Entries {
			a.tree.specs[entry.File] = true
		}
	}
	a.tree.touches = func(folder string) bool {
		return slices.ContainsFunc(ref.sources, func(path string) bool { return within(folder, path) && !a.tree.specs[path] })
	}
}

// code takes the Services of which a ref changes nothing but what they are
// built from.
func (a *arrangement) code(p *status.Preview) {
	if len(a.tree.snapshot.Files) == 0 {
		return
	}
	for _, u := range a.engine.units {
		source, ok := u.entry.Spec.(desired.Source)
		if ok && !a.done[u.entry.Identity] && len(u.nouns.Routes) == 1 && len(u.nouns.Workloads) == 1 && len(u.uses) == 1 && len(u.uses[0]) > 0 {
			a.service(p, u.entry.Identity, u.binds(source.Desire()))
		}
	}
}

// problemsKept bounds what is reported of one preview.
const problemsKept = 20

func refuse(p *status.Preview, format string, args ...any) {
	if len(p.Problems) < problemsKept {
		p.Problems = append(p.Problems, fmt.Sprintf(format, args...))
	}
}

// part takes one changed file.
func (a *arrangement) part(p *status.Preview, part load.Part) {
	for _, problem := range part.Problems {
		if problem.Severity == schema.Error {
			refuse(p, "%s", problem.String())
		}
	}
	for _, entry := range part.Entries {
		if source, ok := entry.Spec.(desired.Source); ok {
			a.spec(p, entry.Identity, source.Desire())
		}
	}
}

// spec takes one spec of a changed file.
func (a *arrangement) spec(p *status.Preview, id schema.Identity, theirs desired.Nouns) {
	u, ok := a.engine.index[id]
	if !ok {
		refuse(p, "%s is not in the trusted branch: a preview adds nothing there and moves nothing to another namespace; merge it to see it run", id)
		return
	}
	a.done[id] = true
	theirs = u.binds(theirs)
	if !sameTasks(u, theirs) {
		refuse(p, "%s: it changes its build; a preview is built as the trusted branch says: merge it to build it so", id)
		return
	}
	if len(theirs.Workloads) != 1 || len(theirs.Routes) != 1 || len(u.nouns.Routes) != 1 || len(u.nouns.Workloads) != 1 {
		if !reflect.DeepEqual(theirs, u.desire()) {
			refuse(p, "it changes %s: of a preview only image, env and args of a Service's template run; merge it to apply the rest", id)
		}
		return
	}
	a.service(p, id, theirs)
}

// service takes one Service, if its template differs from the branch's.
func (a *arrangement) service(p *status.Preview, id schema.Identity, theirs desired.Nouns) {
	w := theirs.Workloads[0]
	key := configurationKey{w.Namespace, w.Configuration}
	ours := a.engine.latest[key].workload()
	w, wrong := a.engine.join(&a.engine.previews.aside, w, a.tree)
	if wrong != "" {
		refuse(p, "%s: %s", id, wrong)
		return
	}
	if w.Template.Hash() == ours.Template.Hash() {
		return
	}
	if what := preview.Differs(ours.Template, w.Template); what != "" {
		refuse(p, "%s: it changes %s; of a preview only image, env and args of a template may differ", id, what)
		return
	}
	if w.Revision == ours.Revision {
		refuse(p, "%s: its template differs and has the name of the branch's, %s: give it a metadata.name of its own", id, w.Revision)
		return
	}
	tag, ok := a.tag(p.Ref, key)
	if !ok {
		refuse(p, "%s: the hosts that its tag would have, %s-%s, are taken in the trusted branch: rename the ref", id, tag, key.name)
		return
	}
	a.open(p, id, render.Preview{Ref: p.Ref, Tag: tag, Workload: w}, asked(theirs.Routes[0]))
}

// sameTasks reports whether the builds inside a spec are the trusted branch's.
func sameTasks(u *unit, theirs desired.Nouns) bool {
	return len(u.nouns.Tasks)+len(theirs.Tasks) == 0 || reflect.DeepEqual(u.nouns.Tasks, theirs.Tasks)
}

// asked is the share of requests that a preview asks for.
func asked(r desired.Route) int64 {
	n, err := strconv.ParseInt(r.Annotations[contract.AnnotationPreviewPercent], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// open gives a preview its tag and its share.
func (a *arrangement) open(p *status.Preview, id schema.Identity, out render.Preview, asked int64) {
	key := configurationKey{out.Workload.Namespace, out.Workload.Configuration}
	percent, note := a.policy.Permit(asked, a.taken[key])
	out.Percent = percent
	a.taken[key] += percent
	a.out[key] = append(a.out[key], out)
	a.use(key, out.Tag)
	url := "http://" + a.engine.cfg.Render.Host(key.namespace, key.name, out.Tag)
	if a.engine.index[id].nouns.Routes[0].ClusterLocal {
		url = "http://" + render.LocalHosts(key.namespace, key.name, out.Tag)[0]
	}
	p.Services = append(p.Services, status.Previewed{Identity: id, Revision: out.Workload.Revision, Tag: out.Tag, URL: url, Percent: percent, Reason: note})
}

// tag finds a tag whose host nobody has: neither a route of the branch, nor a
// tag of one, nor another preview.
func (a *arrangement) tag(ref string, key configurationKey) (tag string, ok bool) {
	if a.hosts == nil {
		a.hosts = a.engine.hostLabels()
	}
	for _, tag = range []string{preview.Tag(ref, key.name), preview.Another(ref, key.name)} {
		if !a.hosts[key.namespace][tag+"-"+key.name] {
			return tag, true
		}
	}
	return preview.Tag(ref, key.name), false
}

func (a *arrangement) use(key configurationKey, tag string) {
	if a.hosts[key.namespace] == nil {
		a.hosts[key.namespace] = map[string]bool{}
	}
	a.hosts[key.namespace][tag+"-"+key.name] = true
}

// hostLabels are the first labels of all hosts of the branch, by namespace.
func (e *Engine) hostLabels() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, u := range e.units {
		for _, r := range u.nouns.Routes {
			if out[r.Namespace] == nil {
				out[r.Namespace] = map[string]bool{}
			}
			out[r.Namespace][r.Name] = true
			for _, t := range r.Targets {
				if t.Tag != "" {
					out[r.Namespace][t.Tag+"-"+r.Name] = true
				}
			}
		}
	}
	return out
}

// previewed are the previews of a unit's Service.
func (p previews) previewed(u *unit) []render.Preview {
	if len(p.of) == 0 || len(u.nouns.Routes) == 0 {
		return nil
	}
	return p.of[configurationKey{u.namespace(), u.nouns.Routes[0].Service}]
}

// print appends what render is told of a unit's previews.
func (p previews) print(b []byte, u *unit) []byte {
	for _, v := range p.previewed(u) {
		b = appendTexts(b, "preview", v.Ref, v.Tag, v.Workload.Revision, strconv.FormatInt(v.Percent, 10))
	}
	return b
}
