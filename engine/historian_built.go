package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/sluice-dev/sluice/engine/build"
	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/schema/desired"
)

// builtHistory is what was described at the commit that was read last.
type builtHistory struct {
	// specs are the files that described something, by path.
	specs map[string]load.Part
	// folders are those that builds were made from.
	folders []string
}

// describeBuilt tells the lines what a commit described where revisions are
// built: other sources are another revision, whatever the documents say.
func (e *Engine) describeBuilt(ctx context.Context, c history.Commit, change git.CommitChange, changed map[string]load.Part) error {
	h := e.history.built
	touched := slices.ContainsFunc(change.Files, func(f git.FileChange) bool {
		return slices.ContainsFunc(h.folders, func(folder string) bool { return within(folder, f.Path) })
	})
	for path, part := range changed {
		_, was := h.specs[path]
		if len(part.Entries) == 0 && !part.Unreadable {
			delete(h.specs, path)
		} else {
			h.specs[path] = part
		}
		touched = touched || was || len(part.Entries) > 0
	}
	if !touched {
		return nil
	}
	tasks, err := e.tasksAt(ctx, c.Hash)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(h.specs)) {
		_, fresh := changed[path]
		for _, w := range workloads(h.specs[path]) {
			uses, _ := build.Uses(w, tasks)
			if len(uses) > 0 || fresh {
				e.history.describe(c, build.Join(w, uses))
			}
		}
	}
	return nil
}

// tasksAt are the builds of a commit, of which the documents are known.
func (e *Engine) tasksAt(ctx context.Context, commit string) ([]*build.Resolved, error) {
	h := e.history.built
	var all []desired.Task
	var templates []desired.TaskTemplate
	for _, path := range slices.Sorted(maps.Keys(h.specs)) {
		for _, entry := range h.specs[path].Entries {
			if source, ok := entry.Spec.(desired.Source); ok {
				n := source.Desire()
				all, templates = append(all, n.Tasks...), append(templates, n.Templates...)
			}
		}
	}
	h.folders = nil
	if len(all) == 0 {
		return nil, nil
	}
	for _, task := range all {
		for _, s := range task.Sources {
			if isHere(s) {
				h.folders = append(h.folders, s.SubPath)
			}
		}
	}
	snapshot, err := e.cfg.References.Resolve(ctx, commit)
	if err != nil {
		return nil, err
	}
	skip := func(path string) bool { _, described := h.specs[path]; return described || path == load.SettingsPath }
	var out []*build.Resolved
	for _, task := range all {
		r := build.Resolve(task, build.NewTemplates(templates, e.cfg.Builds.Ready), e.cfg.Builds.Config.Defaults, func(folder string) build.Tree {
			return build.Tree{Hash: snapshot.Subtree(folder, skip).Hash}
		})
		out = append(out, &r)
	}
	return out, nil
}
