package kube

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-dev/sluice/schema/contract"
)

// toldEvents writes down what it is told.
type toldEvents chan string

func (e toldEvents) Set(object, kind string, data []byte) error {
	e <- fmt.Sprintf("set %s %s %s", object, kind, data)
	return nil
}
func (e toldEvents) Delete(object string) { e <- "delete " + object }
func (e toldEvents) Synced()              { e <- "synced" }

func TestEventsWatcher_TellsWhatConfigMapsCarry(t *testing.T) {
	cm := func(data string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders.channel.sluice", Labels: map[string]string{contract.LabelEvents: contract.EventsChannel}},
			Data:       map[string]string{contract.KeyEvents: data},
		}
	}
	other := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "other"}}
	client, told := fake.NewClientset(cm("1"), other), make(toldEvents, 10)
	w, err := NewEventsWatcher(EventsConfig{Kubernetes: client, Events: told})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()
	expect := func(want string) {
		t.Helper()
		if got := <-told; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	expect("set shop/orders.channel.sluice channel 1")
	expect("synced")
	maps := client.CoreV1().ConfigMaps("shop")
	if _, err := maps.Update(ctx, cm("2"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("set shop/orders.channel.sluice channel 2")
	if err := maps.Delete(ctx, "orders.channel.sluice", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("delete shop/orders.channel.sluice")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
