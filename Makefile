# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
GO ?= go
# One setting for builds and tests, so that they share the build cache.
export CGO_ENABLED := 0
BIN := bin
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo dev)
KUBE := v1.36.3
LDFLAGS := -s -w -X github.com/sluice-dev/sluice/cmd/sluice/verb.Version=$(VERSION)
LOCAL_LDFLAGS := -s -w -X k8s.io/component-base/version.gitVersion=$(KUBE) -X k8s.io/component-base/version.gitMajor=1 \
	-X k8s.io/component-base/version.gitMinor=36 -X k8s.io/client-go/pkg/version.gitVersion=$(KUBE)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
LOCAL := cmd/sluice-local
# What of the stories has to do with what runs pods.
ON_CONTAINERS := Test(Contract|Timeouts|Concurrency|Overload|Traffic|Inside|Scale|Drain)|TestChaos_(AnActivator|OfTwo|AKilled(Cluster|Autoscaler))|TestStories/(hello|rollback|scale-to-zero|autoscale|grpc|websocket|build-from-git|dockerfile)
# Go files outside the second module.
MAIN_PKGS := ./cmd/... ./engine/... ./schema/... ./appliers/... ./runtime/... ./examples/...

.DEFAULT_GOAL := help
.PHONY: cosign slow dockerfile help build run test race golden e2e kubelet buses bench check fmt vet lint tidy vuln clean

help: ## Explain the targets
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

build: ## Build bin/sluice and bin/sluice-local
	$(GO) build -ldflags "$(LDFLAGS)" -o $(BIN)/sluice ./cmd/sluice
	cd $(LOCAL) && $(GO) build -ldflags "$(LOCAL_LDFLAGS)" -o ../../$(BIN)/sluice-local .

run: build ## Start a cluster on this machine, install Sluice into it, serve the demo repository (Ctrl-C stops it all)
	@$(BIN)/sluice-local up

test: build ## Run all tests: both modules, then the stories against a real API server
	$(GO) test $(MAIN_PKGS)
	cd $(LOCAL) && $(GO) test ./...
	$(GO) test -count=1 -timeout 20m ./e2e

race: ## Run the tests of the main module with the race detector
	CGO_ENABLED=1 $(GO) test -race $(MAIN_PKGS)

golden: ## Rewrite golden files; read the diff before you commit it
	$(GO) test ./engine/load ./engine/build ./engine/render ./schema/serving ./schema/building ./schema/eventing -update

e2e: build ## Run only the stories, against a cluster of their own or $$KUBECONFIG
	$(GO) test -count=1 -v ./e2e/...

slow: build ## Run the stories that take long: what is deleted has a grace of a minute, a HorizontalPodAutoscaler looks every few seconds, a CronJob runs once a minute, Secrets of buses are read again after a while
	SLUICE_SLOW=1 $(GO) test -count=1 -timeout 10m -run 'TestSlowStories|TestHPA|TestSinkBinding' -v ./e2e

dockerfile: build ## A Dockerfile on a Debian base that is made here, by buildah (needs buildah, debootstrap and root; else it is skipped)
	SLUICE_DEBIAN=1 $(GO) test -count=1 -timeout 20m -run 'TestBuilds_ADockerfileOnADebianBase' -v ./e2e

kubelet: build ## Run what has to do with pods on real containers (root; docs/installing.md says what is needed)
	SLUICE_E2E_NODE=kubelet $(GO) test -count=1 -timeout 14m -run '$(ON_CONTAINERS)' ./e2e

buses: ## Sit the buses' exam on real brokers: Kafka, RabbitMQ, NATS (root installs what is missing)
	.ci/buses

cosign: build ## Have cosign itself verify what a build signs (its first build takes minutes)
	.ci/cosign

bench: build ## Measure speed and memory; prints a table with ratios (about ten minutes)
	set -o pipefail; $(GO) test -run '^$$' -bench . -benchmem $(MAIN_PKGS) | grep -E '^(Benchmark|pkg:|FAIL)'
	SLUICE_BENCH=1 $(GO) test -count=1 -timeout 60m -v ./e2e/bench

check: fmt vet lint test ## Everything that has to pass before a commit

fmt: ## Fail if a file is not gofmt'ed
	@out=$$(gofmt -l cmd engine schema appliers runtime examples e2e); if [ -n "$$out" ]; then echo "gofmt -w these:"; echo "$$out"; exit 1; fi

vet: ## go vet, both modules
	$(GO) vet $(MAIN_PKGS) ./e2e/...
	cd $(LOCAL) && $(GO) vet ./...

lint: ## staticcheck
	$(GO) run $(STATICCHECK) $(MAIN_PKGS) ./e2e/...

tidy: ## go mod tidy, both modules
	$(GO) mod tidy
	cd $(LOCAL) && $(GO) mod tidy

vuln: ## Known vulnerabilities (needs the vulnerability database; not a gate)
	$(GO) run $(GOVULNCHECK) $(MAIN_PKGS)

clean: ## Remove what was built; .sluice, the local cluster's state, stays
	rm -rf $(BIN)
