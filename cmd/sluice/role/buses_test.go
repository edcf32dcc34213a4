package role

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"

	"github.com/sluice-dev/sluice/schema/contract"
)

// queue is a bus whose password stands in a Secret.
var queue = contract.Bus{
	Ref: contract.Ref{Namespace: "shop", Name: "queue"}, Driver: contract.DriverNATS, Parameters: map[string]string{"url": "nats://127.0.0.1:1"},
	Secrets: map[string]contract.SecretKey{"password": {Namespace: "shop", Name: "login", Key: "password"}},
}

func login(password string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "login"}, Data: map[string][]byte{"password": []byte(password)}}
}

func TestBuses_AChangedSecretIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(login("first"))
		var away atomic.Bool
		client.PrependReactor("get", "secrets", func(kubetesting.Action) (bool, runtime.Object, error) {
			return away.Load(), nil, errors.New("the API server is away")
		})
		var log bytes.Buffer
		b := &buses{secrets: client.CoreV1(), log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		parameters, err := b.parameters(t.Context(), queue)
		if err != nil || parameters["password"] != "first" {
			t.Fatalf("%v, %v", parameters, err)
		}
		b.remember(queue, parameters)
		b.remember(contract.Bus{Ref: contract.Ref{Name: "jetstream"}, Driver: contract.DriverJetStream}, nil) // has none
		told := make(chan contract.Ref, 8)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.follow(ctx, secretsEvery, func(ref contract.Ref) { told <- ref }) }()
		later := func(want int) {
			t.Helper()
			time.Sleep(2*secretsEvery + time.Second)
			synctest.Wait()
			if len(told) != want {
				t.Errorf("told of %d changes, want %d", len(told), want)
			}
		}
		later(0)
		// One that is away, or may not be read, changes nothing.
		away.Store(true)
		later(0)
		away.Store(false)
		if _, err := client.CoreV1().Secrets("shop").Update(ctx, login("second"), metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		later(1)
		if ref := <-told; ref != queue.Ref {
			t.Errorf("told of %s", ref)
		}
		later(0)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if text := log.String(); strings.Contains(text, "first") || strings.Contains(text, "second") {
			t.Errorf("the log tells the secret:\n%s", text)
		}
	})
}

func TestBuses_WhatIsWrongWithASecretIsSaidWithoutIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		secret *corev1.Secret
		answer error
		want   string
	}{
		{"forbidden", login("x"), apierrors.NewForbidden(corev1.Resource("secrets"), "login", errors.New("rbac")), "parameter password: Secret shop/login may not be read; name it to the installation: sluice install --bus-secret shop/login"},
		{"not there", &corev1.Secret{}, nil, `parameter password: Secret shop/login: secrets "login" not found`},
		{"another key", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "login"}, Data: map[string][]byte{"passwd": []byte("hunter2")}}, nil, "parameter password: Secret shop/login has no key password"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := fake.NewClientset(c.secret)
			if c.answer != nil {
				client.PrependReactor("get", "secrets", func(kubetesting.Action) (bool, runtime.Object, error) { return true, nil, c.answer })
			}
			_, _, err := (&buses{secrets: client.CoreV1()}).open(t.Context(), queue)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
