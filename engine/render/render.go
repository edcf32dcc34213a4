package render

import (
	"time"

	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/rollout"
	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// Unit is one spec and everything its manifests depend on.
type Unit struct {
	Identity schema.Identity
	// File is where the spec stands.
	File  string
	Nouns desired.Nouns
	// Latest is the newest workload that the repository describes for each
	// configuration that the unit's routes name.
	Latest map[string]desired.Workload
	// Lines is the history of those configurations, where it had to be read.
	Lines map[string]history.Line
	// Refs is what the Git refs describe that the unit's routes name, as far as
	// they could be read.
	Refs map[string]Ref
	// Previews are what refs beside the trusted branch run of the unit's Service.
	// Unread: it is not known yet; what the route has of them stays.
	Previews []Preview
	Unread   bool
	// Now is the clock, and Worse says why a revision answers worse than those
	// before it; both count only while a share moves in steps.
	Now   time.Time
	Worse map[string]string
	// Images says what the tags in images stand for; nil leaves them as written.
	Images Images
	// Facts is what the cluster knows of revisions in the unit's namespace.
	Facts Facts
	// Directory is what all specs describe; nil is nothing.
	Directory *Directory
}

// Facts is what the cluster knows, for one namespace.
type Facts struct {
	// Revisions by name.
	Revisions map[string]Fact
	// Routed is, for each route of the unit that is in the cluster, what its
	// VirtualService was written with.
	Routed map[string]Routed
	// Starts are the Jobs that started the unit's feed, by name.
	Starts []Start
}

// Fact is what the cluster knows of one revision.
type Fact struct {
	// Ready: its pods have been ready once since it was created. Later trouble
	// takes no traffic away; it is reported.
	Ready bool
	// Reason and Message say why it is not ready, or in what trouble it is.
	Reason, Message string
	// Preview is the Git ref that it was made for, if it was made for a preview.
	Preview string
}

// Routed is the state of a route in the cluster.
type Routed struct {
	// LatestReady is the revision that "latest" meant, by configuration.
	LatestReady map[string]string
	// RefReady is the revision that a gitRef meant.
	RefReady map[string]string
	// Previews is the revision that a preview's tag meant.
	Previews map[string]string
	// Rollouts is how far shares had moved.
	Rollouts map[string]rollout.State
}

// Result is what a unit renders to.
type Result struct {
	Manifests []manifest.Manifest
	// Keep are objects that stay as they are although no manifest names them.
	Keep []manifest.ID
	// Routes is the traffic that was decided, in the order of the nouns.
	Routes []Routing
	// Problems are mistakes that show only now, as a revision that never was.
	Problems []Trouble
	// Unmet is what the unit needs of other specs and does not have.
	Unmet []Unmet
}

// Due is when a share of the unit's routes goes on; zero if none moves.
func (r Result) Due() (due time.Time) {
	for i := range r.Routes {
		due = earliest(due, r.Routes[i].Due)
	}
	return due
}

// Trouble is a mistake at a field of the unit's document.
type Trouble struct{ Path, Text string }

// NeedsHistory lists the configurations whose history the unit's routes ask
// for: those with a revision target that neither the repository's newest
// state nor the cluster has under its full name.
func NeedsHistory(u Unit) []string {
	var out []string
	for _, r := range u.Nouns.Routes {
		for _, t := range r.Targets {
			if t.Revision == "" {
				continue
			}
			if _, known := u.known(t.Revision); !known {
				out = append(out, configurationsOf(u, r, t)...)
			}
		}
	}
	return out
}

// configurationsOf are the configurations that a revision name may belong to.
func configurationsOf(u Unit, r desired.Route, t desired.Target) []string {
	if t.Configuration != "" {
		return []string{t.Configuration}
	}
	if r.Service != "" {
		return []string{r.Service}
	}
	var out []string
	for name := range u.Latest {
		if len(t.Revision) > len(name) && t.Revision[:len(name)+1] == name+"-" {
			out = append(out, name)
		}
	}
	return out
}

// Render makes a unit's manifests.
func Render(u Unit, c Config) (Result, error) {
	var res Result
	rendered := map[string]bool{}
	addWorkload := func(w desired.Workload) error {
		if rendered[w.Revision] {
			return nil
		}
		rendered[w.Revision] = true
		w, known, err := u.Images.resolved(w)
		if err != nil || !known {
			return err
		}
		if err := add(&res, u, c)(deployment(w, c)); err != nil || !byHPA(w.Template) {
			return err
		}
		return add(&res, u, c)(horizontal(w), nil)
	}
	for _, w := range u.Nouns.Workloads {
		if err := addWorkload(w); err != nil {
			return Result{}, err
		}
	}
	for _, r := range u.Nouns.Routes {
		routing := resolve(u, r, &res)
		routing.preview(u, r)
		for _, w := range routing.revive {
			if err := addWorkload(w); err != nil {
				return Result{}, err
			}
		}
		if err := renderPreviews(&res, u, c, rendered); err != nil {
			return Result{}, err
		}
		routing.domains = u.Directory.Domains(u.Identity, c)
		if err := renderRoute(&res, u, c, r, routing); err != nil {
			return Result{}, err
		}
	}
	for _, m := range u.Nouns.Domains {
		if err := renderDomain(&res, u, c, m); err != nil {
			return Result{}, err
		}
	}
	for _, o := range u.Nouns.Objects {
		if err := add(&res, u, c)(boundObject(u, c, o)); err != nil {
			return Result{}, err
		}
	}
	err := renderEvents(&res, u, c)
	return res, err
}

// renderRoute adds the route's VirtualService, or keeps the one there is, and
// the name it has inside the cluster.
func renderRoute(res *Result, u Unit, c Config, r desired.Route, routing Routing) error {
	res.Routes = append(res.Routes, routing)
	if err := add(res, u, c)(service(r)); err != nil {
		return err
	}
	if len(routing.Shares) == 0 {
		res.Keep = append(res.Keep, virtualServiceID(r))
		return nil
	}
	return add(res, u, c)(virtualService(r, routing, c))
}

// add stamps ownership on an object and appends its manifest.
func add(res *Result, u Unit, c Config) func(o built, err error) error {
	return func(o built, err error) error {
		if err != nil {
			return err
		}
		o.own(u.Identity, c.ApplySet)
		m, err := manifest.New(o.id, o.object)
		if err != nil {
			return err
		}
		m.Unit, m.File, m.Replicas = u.Identity, u.File, o.replicas
		m.Adopt = o.adopt
		res.Manifests = append(res.Manifests, m)
		return nil
	}
}

// known reports a revision that the repository describes now or that the
// cluster has.
func (u Unit) known(name string) (desired.Workload, bool) {
	for _, w := range u.Latest {
		if w.Revision == name {
			return w, true
		}
	}
	_, ok := u.Facts.Revisions[name]
	return desired.Workload{}, ok
}

func virtualServiceID(r desired.Route) manifest.ID {
	return manifest.ID{APIVersion: "networking.istio.io/v1", Kind: "VirtualService", Namespace: r.Namespace, Name: r.Name}
}

// labelsOf are the labels that a route's objects carry.
func labelsOf(r desired.Route) map[string]string {
	labels := map[string]string{contract.LabelRoute: r.Name}
	for k, v := range r.Labels {
		labels[k] = v
	}
	if r.Service != "" {
		labels[contract.LabelService] = r.Service
	}
	return labels
}
