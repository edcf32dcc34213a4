package role

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/sluice-dev/sluice/runtime/source"
	"github.com/sluice-dev/sluice/runtime/source/github"
	"github.com/sluice-dev/sluice/runtime/source/kubernetes"
	"github.com/sluice-dev/sluice/runtime/source/ping"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// hookAgain is how often a webhook that could not be registered is tried again,
	// hookCheck how often one that was is looked after: it may have been deleted.
	hookAgain = 30 * time.Second
	hookCheck = 10 * time.Minute
)

func pingSource(o *sourceOptions, spec contract.Source, sink *source.Sink, log *slog.Logger) (runner, error) {
	m, err := o.memory(spec, log)
	if err != nil {
		return nil, err
	}
	s, err := ping.New(ping.Config{Source: spec, Sink: sink, Memory: m, Log: log})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, ready func()) error {
		ready()
		return s.Run(ctx)
	}, nil
}

func githubSource(o *sourceOptions, spec contract.Source, sink *source.Sink, log *slog.Logger) (runner, error) {
	token, secret, err := githubSecrets()
	if err != nil {
		return nil, err
	}
	h, err := github.New(github.Config{Source: spec, Secret: secret, Sink: sink, Log: log})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, ready func()) error {
		ready()
		done := make(chan struct{})
		go func() {
			defer close(done)
			registerHook(ctx, github.Hooks{Source: *spec.GitHub, Token: token, Secret: secret}, log)
		}()
		err := serveHTTP(ctx, o.listen, h)
		<-done
		return err
	}, nil
}

// registerHook tries until it is done, and looks after it from then on. Without
// a token or an address it is the user's to make.
func registerHook(ctx context.Context, hooks github.Hooks, log *slog.Logger) {
	if hooks.Token == "" || hooks.Source.Hook == "" {
		return
	}
	wait, registered := hookAgain, false
	for ctx.Err() == nil {
		err := hooks.Ensure(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			wait, registered = hookAgain, false
			log.Warn("webhook not registered, is tried again", "error", err, "in", wait)
		case !registered:
			wait, registered = hookCheck, true
			log.Info("webhook registered", "url", hooks.Source.Hook, "repository", hooks.Source.Repository)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// removeAgain is when what was removed is looked for again: a source that is
// being ended may have made it meanwhile.
const removeAgain = 10 * time.Second

// removeOutside removes what a source made outside the cluster.
func (o *sourceOptions) removeOutside(ctx context.Context, spec contract.Source, log *slog.Logger) error {
	remove, err := remover(spec, log)
	if err != nil || remove == nil {
		return err
	}
	if err := remove(ctx); err != nil {
		return err
	}
	log.Info("removed, is looked for once more", "in", removeAgain)
	select {
	case <-time.After(removeAgain):
		return remove(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// remover is how a source's things are removed; nil if it cannot have any.
func remover(spec contract.Source, log *slog.Logger) (func(context.Context) error, error) {
	switch {
	case spec.PubSub != nil:
		return subscriptionRemover(spec, log)
	case spec.GitHub == nil:
		return nil, fmt.Errorf("%s: a source of the type %s makes nothing outside the cluster", spec.Ref, spec.Type)
	}
	token, _, err := githubSecrets()
	if err != nil {
		return nil, err
	}
	if token == "" {
		log.Info("there is no webhook of ours: no access token is given")
		return nil, nil
	}
	return github.Hooks{Source: *spec.GitHub, Token: token}.Remove, nil
}

// githubSecrets reads the token and the secret, each from its own variable or
// both from 2018's JSON.
func githubSecrets() (token, secret string, err error) {
	var both struct {
		AccessToken string `json:"accessToken"`
		SecretToken string `json:"secretToken"`
	}
	if text := os.Getenv(contract.EnvGitHubCredentials); text != "" {
		if json.Unmarshal([]byte(text), &both) != nil {
			// The parser's words may hold a part of the secret.
			return "", "", fmt.Errorf(`%s: the Secret's value is no JSON object: write {"accessToken": "...", "secretToken": "..."}`, contract.FieldOfSecret("Feed"))
		}
	}
	return cmp.Or(os.Getenv(contract.EnvGitHubToken), both.AccessToken), cmp.Or(os.Getenv(contract.EnvGitHubSecret), both.SecretToken), nil
}

func kubernetesSource(o *sourceOptions, spec contract.Source, sink *source.Sink, log *slog.Logger) (runner, error) {
	rc, err := restConfig(o.kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(rc)
	if err != nil {
		return nil, err
	}
	asked, err := discovery.NewDiscoveryClientForConfig(rc)
	if err != nil {
		return nil, err
	}
	m, err := o.memory(spec, log)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asked))
	return func(ctx context.Context, ready func()) error {
		s, err := kubernetes.New(kubernetes.Config{
			Source: spec, Sink: sink, Memory: m, Client: client, Mapper: mapper, Server: rc.Host, Ready: ready, Log: log,
		})
		if err != nil {
			return err
		}
		return s.Run(ctx)
	}, nil
}
