package role

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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

// hookAgain is how often a webhook that could not be registered is tried again.
const hookAgain = 30 * time.Second

func pingSource(o *sourceOptions, spec contract.Source, sink *source.Sink, log *slog.Logger) (runner, error) {
	s, err := ping.New(ping.Config{Source: spec, Sink: sink, State: o.state, Log: log})
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

// registerHook tries until it is done. Without a token or an address it is the
// user's to make.
func registerHook(ctx context.Context, hooks github.Hooks, log *slog.Logger) {
	if hooks.Token == "" || hooks.Source.Hook == "" {
		return
	}
	for {
		err := hooks.Ensure(ctx)
		if err == nil || ctx.Err() != nil {
			log.Info("webhook registered", "url", hooks.Source.Hook, "repository", hooks.Source.Repository)
			return
		}
		log.Warn("webhook not registered, is tried again", "error", err, "in", hookAgain)
		select {
		case <-time.After(hookAgain):
		case <-ctx.Done():
			return
		}
	}
}

// removeOutside removes what a source made outside the cluster.
func (o *sourceOptions) removeOutside(ctx context.Context, spec contract.Source, log *slog.Logger) error {
	if spec.PubSub != nil {
		return removeSubscription(ctx, spec, log)
	}
	token, _, err := githubSecrets()
	if err != nil {
		return err
	}
	if spec.GitHub == nil || token == "" {
		return fmt.Errorf("%s: there is no webhook of ours: it takes a github source and %s", spec.Ref, contract.EnvGitHubToken)
	}
	return github.Hooks{Source: *spec.GitHub, Token: token}.Remove(ctx)
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
			return "", "", errors.New(contract.EnvGitHubCredentials + ` is no JSON: write {"accessToken": "...", "secretToken": "..."}`)
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
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asked))
	return func(ctx context.Context, ready func()) error {
		s, err := kubernetes.New(kubernetes.Config{
			Source: spec, Sink: sink, Client: client, Mapper: mapper, Server: rc.Host, Ready: ready, Log: log,
		})
		if err != nil {
			return err
		}
		return s.Run(ctx)
	}, nil
}
