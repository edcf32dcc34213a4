package lastgood

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("k8s.io/klog/v2.(*flushDaemon).run.func1"))
}

// source is a repository of one commit that may be away.
type source struct {
	away  error
	head  git.Snapshot
	blobs map[string]string
}

func (s *source) Head(context.Context) (git.Snapshot, error) {
	if s.away != nil {
		return git.Snapshot{}, s.away
	}
	return s.head, nil
}

func (s *source) Blob(_ context.Context, hash string, _ int64) ([]byte, error) {
	b, ok := s.blobs[hash]
	if s.away != nil || !ok {
		return nil, errors.New("no blob " + hash)
	}
	return []byte(b), nil
}

func (s *source) Log(context.Context, string) iter.Seq2[git.CommitChange, error] {
	return func(func(git.CommitChange, error) bool) {}
}

func one() *source {
	return &source{
		head: git.Snapshot{Commit: git.Commit{Hash: "c1"}, Files: []git.Entry{
			{Path: "a.yaml", Blob: "b1", Size: 5}, {Path: "main.go", Blob: "b2", Size: 5}, {Path: ".ci/x.yaml", Blob: "b3", Size: 5},
			{Path: "link.yaml", Blob: "b4", Mode: git.Symlink}, {Path: "big.yaml", Blob: "b5", Size: 100 << 20},
		}},
		blobs: map[string]string{"b1": "kind:"},
	}
}

func wrap(t *testing.T, s Source, client *fake.Clientset, name string) *Repository {
	t.Helper()
	r, err := New(Config{Source: s, Client: client, Name: name, Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// kept runs r until it has kept its commit.
func kept(t *testing.T, r *Repository) {
	t.Helper()
	if _, err := r.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.keep(t.Context(), <-r.fresh); err != nil {
		t.Fatal(err)
	}
}

func TestRepository_AnEngineThatStartsWithoutItsRemoteGoesOnFromWhatIsKept(t *testing.T) {
	client, s := fake.NewClientset(), one()
	kept(t, wrap(t, s, client, "r"))

	s.away = errors.New("unreachable")
	r := wrap(t, s, client, "r")
	head, err := r.Head(t.Context())
	if err != nil || head.Commit.Hash != "c1" || len(head.Files) != 5 {
		t.Fatalf("%+v, %v", head, err)
	}
	if b, err := r.Blob(t.Context(), "b1", 10); err != nil || string(b) != "kind:" {
		t.Errorf("%s, %v", b, err)
	}
	if _, err := r.Head(t.Context()); !errors.Is(err, s.away) {
		t.Errorf("the second look does not say that the remote is away: %v", err)
	}
	s.away = nil
	if head, err := r.Head(t.Context()); err != nil || head.Commit.Hash != "c1" {
		t.Errorf("back: %+v, %v", head, err)
	}
}

func TestRepository_NothingIsKeptOfAnother(t *testing.T) {
	client, s := fake.NewClientset(), one()
	kept(t, wrap(t, s, client, "r"))
	s.away = errors.New("unreachable")
	if _, err := wrap(t, s, client, "other").Head(t.Context()); !errors.Is(err, s.away) {
		t.Error(err)
	}
}

func TestRepository_OnceReadARemoteThatIsAwayIsSaidToBe(t *testing.T) {
	client, s := fake.NewClientset(), one()
	r := wrap(t, s, client, "r")
	kept(t, r)
	s.away = errors.New("unreachable")
	if _, err := r.Head(t.Context()); !errors.Is(err, s.away) {
		t.Error(err)
	}
}

func TestRepository_WhatIsTooLargeIsNotKeptAndSaysSo(t *testing.T) {
	s := one()
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		b := make([]byte, 64<<10)
		for j := range b {
			b[j] = byte(noise.UintN(256))
		}
		hash := fmt.Sprint("n", i)
		s.blobs[hash] = string(b)
		s.head.Files = append(s.head.Files, git.Entry{Path: hash + ".yaml", Blob: hash, Size: 1})
	}
	client := fake.NewClientset()
	if err := wrap(t, s, client, "r").keep(t.Context(), s.head); err == nil {
		t.Error("no error")
	}
	if list, err := client.CoreV1().Secrets(contract.Namespace).List(t.Context(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestRepository_RunKeepsWhatIsNew(t *testing.T) {
	client, s := fake.NewClientset(), one()
	r := wrap(t, s, client, "r")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	watch, err := client.CoreV1().Secrets(contract.Namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	go func() { done <- r.Run(ctx) }()
	if _, err := r.Head(ctx); err != nil {
		t.Fatal(err)
	}
	<-watch.ResultChan()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
