package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sluice-dev/sluice/"

// engineRooms are the stations of the engine's line.
var engineRooms = []string{
	"engine/preview", "engine/rollout",
	"engine/git", "engine/load", "engine/history", "engine/manifest", "engine/render", "engine/diff", "engine/plan", "engine/status", "engine/build",
}

// nouns is what a room that handles specs may know of them.
var nouns = []string{"schema", "schema/desired", "schema/contract"}

// mayImport says, for each room, which rooms of this module it may import.
var mayImport = map[string][]string{
	"schema":            {},
	"schema/contract":   {},
	"schema/strict":     {"schema"},
	"schema/expression": {},
	"schema/golden":     {},
	"schema/desired":    {"schema", "schema/contract"},
	"schema/serving":    {"schema", "schema/desired", "schema/strict", "schema/contract", "schema/building"},
	"schema/building":   {"schema", "schema/desired", "schema/strict", "schema/contract"},
	"schema/plain":      {"schema", "schema/desired", "schema/strict", "schema/contract"},
	"schema/eventing":   {"schema", "schema/desired", "schema/strict", "schema/contract", "schema/expression"},
	"schema/catalog":    {"schema", "schema/contract", "schema/serving", "schema/building", "schema/eventing", "schema/plain"},

	"engine/git":      {},
	"engine/load":     {"schema", "schema/strict"},
	"engine/preview":  {"schema/desired"},
	"engine/rollout":  {"schema/desired"},
	"engine/history":  {"schema", "schema/desired"},
	"engine/manifest": {"schema"},
	"engine/diff":     {},
	"engine/render":   append([]string{"engine/history", "engine/manifest", "engine/rollout"}, nouns...),
	"engine/plan":     {"schema", "schema/contract", "engine/manifest", "engine/diff"},
	"engine/status":   {"schema", "engine/plan"},
	"engine/build":    append([]string{"engine/manifest", "engine/plan"}, nouns...),
	"engine":          append(slices.Clone(nouns), engineRooms...),

	"appliers":             {"engine/manifest", "engine/plan"},
	"appliers/appliertest": {"engine/manifest", "engine/plan", "schema/contract"},
	"appliers/kubernetes":  {"engine/manifest", "engine/plan", "engine/status", "schema", "schema/contract"},
	"appliers/istio":       {"engine/manifest", "engine/plan", "schema/contract"},
	"appliers/jobs":        {"engine/manifest", "schema/contract"},
	"appliers/farewell":    {"engine/manifest", "engine/plan", "schema/contract"},
	"appliers/source":      {"engine/git", "schema/contract"},
	"appliers/inventory":   {"engine/manifest", "engine/plan", "schema/contract"},
	"appliers/report":      {"engine/status", "schema", "schema/contract"},
	"appliers/registry":    {"engine"},
	"appliers/forge":       {"engine/status", "schema"},
	"appliers/lastgood":    {"engine/git", "schema/contract"},

	"runtime/stat":              {},
	"runtime/thrift":            {},
	"runtime/guard":             {"schema/contract"},
	"runtime/cloudevents":       {},
	"runtime/channel":           {"schema/contract", "runtime/bus", "runtime/cloudevents", "runtime/channel/attempt", "runtime/channel/filter", "runtime/channel/post", "runtime/front"},
	"runtime/channel/attempt":   {"schema/contract", "runtime/bus", "runtime/cloudevents", "runtime/channel/post"},
	"runtime/wire":              {},
	"runtime/channel/post":      {"schema/contract", "runtime/cloudevents", "runtime/wire"},
	"runtime/channel/filter":    {"schema/contract", "schema/expression", "runtime/cloudevents"},
	"runtime/proxy":             {"schema/contract", "runtime/wire"},
	"runtime/front":             {},
	"runtime/activator":         {"schema/contract", "runtime/front", "runtime/proxy", "runtime/stat"},
	"runtime/demand":            {"schema/contract", "runtime/activator", "runtime/stat"},
	"runtime/witness":           {"schema/contract"},
	"runtime/peer":              {"schema/contract", "runtime/activator"},
	"runtime/gateway":           {"schema/contract", "runtime/proxy"},
	"runtime/autoscaler/decide": {"schema/contract", "runtime/stat"},
	"runtime/autoscaler":        {"schema/contract", "runtime/stat", "runtime/autoscaler/decide"},
	"runtime/google":            {},
	"runtime/build":             {},
	"runtime/build/registries":  {"schema/contract"},
	"runtime/build/image":       {},
	"runtime/build/creds":       {"runtime/build/registries"},
	"runtime/build/fetch":       {"schema/contract", "runtime/build/creds"},
	"runtime/build/compile":     {"runtime/build/image", "runtime/build/registries"},
	"runtime/build/publish":     {"schema/contract", "runtime/build/registries", "runtime/build/sign"},
	"runtime/build/sign":        {"runtime/build/registries"},
	"runtime/kube":              {"schema/contract", "runtime/guard", "runtime/activator", "runtime/autoscaler", "runtime/gateway"},

	"runtime/bus":           {},
	"runtime/bus/bustest":   {"runtime/bus"},
	"runtime/bus/memory":    {"runtime/bus"},
	"runtime/bus/jetstream": {"runtime/bus"},
	"runtime/bus/kafka":     {"runtime/bus"},
	"runtime/bus/pubsub":    {"runtime/bus", "runtime/google"},
	"runtime/bus/rabbitmq":  {"runtime/bus"},
	"runtime/bus/catalog":   {"runtime/bus", "runtime/bus/memory", "runtime/bus/jetstream", "runtime/bus/kafka", "runtime/bus/pubsub", "runtime/bus/rabbitmq"},

	"runtime/source":            {"schema/contract", "runtime/bus", "runtime/cloudevents", "runtime/channel/attempt", "runtime/channel/post"},
	"runtime/source/memory":     {},
	"runtime/source/ping":       {"schema/contract", "runtime/cloudevents", "runtime/source/memory"},
	"runtime/source/github":     {"schema/contract", "runtime/cloudevents", "runtime/source"},
	"runtime/source/kubernetes": {"schema/contract", "runtime/cloudevents", "runtime/source/memory"},
	"runtime/source/kafka":      {"schema/contract", "runtime/cloudevents", "runtime/source"},
	"runtime/source/pubsub":     {"schema/contract", "runtime/cloudevents", "runtime/google"},

	"examples": {},

	"cmd/sluice/cli":     {},
	"cmd/sluice/clone":   {},
	"cmd/sluice/install": {"schema/contract"},
	"cmd/sluice/verb": append([]string{"schema", "schema/catalog", "schema/contract", "schema/building", "schema/plain", "engine", "runtime/autoscaler", "runtime/cloudevents", "cmd/sluice/cli", "cmd/sluice/clone", "cmd/sluice/install"},
		engineRooms...),
	"cmd/sluice": {"cmd/sluice/cli", "cmd/sluice/role", "cmd/sluice/verb"},
}

// free rooms may import everything: they wire.
var free = []string{"cmd/sluice/role", "e2e", "e2e/bench"}

// pure rooms touch neither clock, disk, network nor log.
var pure = []string{
	"schema", "schema/contract", "schema/strict", "schema/expression", "schema/desired", "schema/serving", "schema/building", "schema/eventing", "schema/plain", "schema/catalog",
	"engine/load", "engine/history", "engine/manifest", "engine/render", "engine/diff", "engine/plan", "engine/status", "engine/build",
	"engine/preview", "engine/rollout",
	"runtime/autoscaler/decide",
}

var impure = []string{"os", "os/exec", "net", "net/http", "log", "log/slog", "math/rand", "math/rand/v2", "k8s.io/client-go"}

// owners says which rooms alone may import a heavy dependency.
var owners = map[string][]string{
	"github.com/go-git/go-git":               {"engine/git", "runtime/build/fetch"},
	"github.com/google/go-containerregistry": {"appliers/registry", "runtime/build/"},
	"istio.io/client-go/":                    {"appliers/istio", "engine/render", "runtime/kube", "runtime/gateway", "cmd/sluice/role", "e2e/"},
	"k8s.io/client-go/":                      {"appliers/", "runtime/kube", "runtime/source/kubernetes", "runtime/source/memory", "cmd/sluice/", "e2e/"},
	"github.com/spf13/cobra":                 {"cmd/sluice/"},
	"github.com/nats-io/":                    {"runtime/bus/jetstream"},
	"github.com/twmb/franz-go":               {"runtime/bus/kafka", "runtime/source/kafka"},
	"github.com/rabbitmq/":                   {"runtime/bus/rabbitmq"},
	"cloud.google.com/go/pubsub":             {"runtime/bus/pubsub", "runtime/source/pubsub"},
}

// room is a package of this module as the go command lists it.
type room struct {
	ImportPath, Name, Doc string
	Imports               []string
}

func (r room) path() string { return strings.TrimPrefix(r.ImportPath, module) }

func TestHouse_EveryRoomKeepsToItsFloor(t *testing.T) {
	for _, r := range rooms(t) {
		if slices.Contains(free, r.path()) || r.Name == "main" && strings.HasPrefix(r.path(), "examples/") {
			continue
		}
		allowed, known := mayImport[r.path()]
		if !known {
			t.Errorf("%s stands on no plan: add its line to mayImport", r.path())
		}
		for _, dep := range r.Imports {
			if in, ours := strings.CutPrefix(dep, module); ours && !slices.Contains(allowed, in) {
				t.Errorf("%s may not import %s", r.path(), in)
			}
		}
	}
}

func TestHouse_PureRoomsTouchNothing(t *testing.T) {
	for _, r := range rooms(t) {
		if !slices.Contains(pure, r.path()) {
			continue
		}
		for _, dep := range r.Imports {
			if slices.ContainsFunc(impure, func(s string) bool { return dep == s || s == "k8s.io/client-go" && strings.HasPrefix(dep, s+"/") }) {
				t.Errorf("%s is pure and may not import %s", r.path(), dep)
			}
		}
	}
}

func TestHouse_HeavyDependenciesHaveOneOwner(t *testing.T) {
	for _, r := range rooms(t) {
		for _, dep := range r.Imports {
			for heavy, in := range owners {
				if strings.HasPrefix(dep, heavy) && !slices.ContainsFunc(in, r.isIn) {
					t.Errorf("%s may not import %s; its owners are %v", r.path(), dep, in)
				}
			}
		}
	}
}

func (r room) isIn(owner string) bool {
	if strings.HasSuffix(owner, "/") {
		return strings.HasPrefix(r.path()+"/", owner)
	}
	return r.path() == owner
}

func TestHouse_EveryRoomSaysWhatItIsFor(t *testing.T) {
	for _, r := range rooms(t) {
		if r.Doc == "" {
			t.Errorf("%s has no doc.go", r.path())
		}
	}
}

// top is what the repository holds at its top, beside what begins with a dot.
var top = []string{
	"cmd", "engine", "schema", "appliers", "runtime", "examples", "docs", "e2e",
	"go.mod", "go.sum", "Makefile", "CHANGELOG.md", "README.md", "LICENSE",
}

func TestHouse_NothingStraysToTheTop(t *testing.T) {
	out, err := exec.Command("git", "-C", "../..", "ls-tree", "--name-only", "HEAD").Output()
	if err != nil {
		t.Skip("not in a clone: ", err)
	}
	for _, name := range strings.Fields(string(out)) {
		if !strings.HasPrefix(name, ".") && !slices.Contains(top, name) {
			t.Errorf("%s is committed at the top; it belongs into a folder, or nowhere", name)
		}
	}
}

// rooms asks the go command; the answer is the code's own imports.
func rooms(t *testing.T) []room {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []room
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var r room
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
}
