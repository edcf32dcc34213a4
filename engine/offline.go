package engine

import (
	"context"
	"errors"

	"github.com/sluice-dev/sluice/engine/history"
	"github.com/sluice-dev/sluice/engine/load"
	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/render"
	"github.com/sluice-dev/sluice/schema"
)

// reader is an engine that only ever reads its repository.
func reader(ctx context.Context, repository Repository, kinds schema.Kinds, builds Builds) (*Engine, error) {
	e := &Engine{
		cfg:   Config{Repository: repository, Kinds: kinds, Builds: builds}.withDefaults(),
		parts: map[partKey]load.Part{},
		facts: factCache{},
	}
	e.cfg.References, _ = repository.(References)
	e.look(ctx)
	return e, e.lookErr
}

// ReadTree reads a repository as the engine would and stops there: `sluice validate`.
func ReadTree(ctx context.Context, repository Repository, kinds schema.Kinds) (load.Tree, error) {
	e, err := reader(ctx, repository, kinds, Builds{})
	if wrong, ok := errors.AsType[*SettingsError](err); ok {
		return load.Tree{Problems: wrong.Problems}, nil
	}
	if err != nil {
		return load.Tree{}, err
	}
	return e.tree, nil
}

// ReadHistory is the history of the configurations of that name, by
// namespace, up to the branch's newest commit: `sluice history`.
func ReadHistory(ctx context.Context, repository Repository, kinds schema.Kinds, builds Builds, name string) (map[string]history.Line, error) {
	e, err := reader(ctx, repository, kinds, builds)
	if err != nil {
		return nil, err
	}
	if err := e.readHistory(ctx); err != nil {
		return nil, err
	}
	out := map[string]history.Line{}
	for key, line := range e.history.lines {
		if key.name == name {
			out[key.namespace] = *line
		}
	}
	return out, nil
}

// RenderTree renders a repository as if every revision that it describes were
// ready: `sluice render`.
func RenderTree(ctx context.Context, repository Repository, kinds schema.Kinds, cfg render.Config, builds Builds) ([]manifest.Manifest, []schema.Problem, error) {
	e, err := reader(ctx, repository, kinds, builds)
	if err != nil {
		return nil, nil, err
	}
	e.cfg.Render, e.cfg.Builds, e.assume = cfg, builds, true
	e.lower()
	e.lookRefs(ctx)
	var revisions []*revision
	for key, w := range e.latest {
		revisions = append(revisions, &revision{key: revisionKey{key.namespace, w.revision}, configuration: key.name, ready: true})
	}
	for key, ref := range e.refs.of {
		if ref.Workload != nil {
			revisions = append(revisions, &revision{key: revisionKey{key.namespace, ref.Workload.Revision}, configuration: key.name, ready: true})
		}
	}
	c := newCluster(nil, revisions)
	problems := e.tree.Problems
	for _, u := range e.units {
		e.renderUnit(ctx, u, c)
		if u.err != nil {
			return nil, nil, u.err
		}
		problems = append(problems, troubles(u)...)
	}
	return e.unambiguous(), problems, nil
}
