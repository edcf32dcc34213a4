package autoscaler

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a cluster that does what it is told, a little later.
type world struct {
	t     *testing.T
	a     *Autoscaler
	start time.Time

	mu     sync.Mutex
	orders []ordered
	live   map[Key]*appsv1.Deployment
	broken error // what Scale says
	echo   time.Duration
}

// ordered is an order and when it came.
type ordered struct {
	after    time.Duration
	replicas int32
	failed   string
}

// begin runs an Autoscaler in the test's bubble until the test ends.
func begin(t *testing.T, cfg Config) *world {
	t.Helper()
	w := &world{t: t, start: time.Now(), live: map[Key]*appsv1.Deployment{}, echo: 3 * time.Millisecond}
	if cfg.Scaler == nil {
		cfg.Scaler = w
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.a = a
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// Scale takes a write's time; the watch tells of it later.
func (w *world) Scale(ctx context.Context, o Order) error {
	select {
	case <-time.After(2 * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	d := w.live[o.Key]
	if d == nil || string(d.UID) != o.UID {
		return errors.New("no such Deployment")
	}
	w.orders = append(w.orders, ordered{time.Since(w.start), o.Replicas, o.Failed})
	d = d.DeepCopy()
	if *d.Spec.Replicas != o.Replicas {
		d.Generation++
	}
	d.Spec.Replicas = &o.Replicas
	if o.Annotate {
		for name, value := range map[string]string{contract.AnnotationFailed: o.Failed, contract.AnnotationActivation: o.Activation} {
			if delete(d.Annotations, name); value != "" {
				d.Annotations[name] = value
			}
		}
	}
	w.live[o.Key] = d
	time.AfterFunc(w.echo, func() { w.a.SetDeployment(d) })
	return nil
}

// put makes or changes a revision's Deployment.
func (w *world) put(revision string, have, ready int32, change ...func(*appsv1.Deployment)) {
	limits, _ := json.Marshal(contract.Limits{ContainerConcurrency: 10})
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: revision, UID: types.UID("u-" + revision), Generation: 1,
			Labels:      map[string]string{contract.LabelRevision: revision, contract.LabelService: "hello"},
			Annotations: map[string]string{contract.AnnotationLimits: string(limits)},
		},
		Spec: appsv1.DeploymentSpec{Replicas: &have},
		Status: appsv1.DeploymentStatus{ReadyReplicas: ready, Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"}}},
	}
	for _, f := range change {
		f(d)
	}
	w.mu.Lock()
	if old := w.live[key(revision)]; old != nil {
		d.Generation = old.Generation + 1
	}
	w.live[key(revision)] = d
	w.mu.Unlock()
	w.a.SetDeployment(d)
}

func annotated(pairs map[string]string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) { maps.Copy(d.Annotations, pairs) }
}

// condition replaces the Progressing condition.
func condition(status corev1.ConditionStatus, reason, message string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Status.Conditions[0].Status, d.Status.Conditions[0].Reason, d.Status.Conditions[0].Message = status, reason, message
	}
}

func key(revision string) Key { return Key{"default", revision} }

// route leads to revisions.
func (w *world) route(revisions ...string) {
	var keys []Key
	for _, r := range revisions {
		keys = append(keys, key(r))
	}
	w.a.SetRoute("default", "hello", keys)
	w.a.Synced()
}

// have is how many pods the cluster is asked for now.
func (w *world) have(revision string) int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.live[key(revision)].Spec.Replicas
}

// want fails the test unless the cluster is asked for n pods now.
func (w *world) want(revision string, n int32) {
	w.t.Helper()
	synctest.Wait()
	if got := w.have(revision); got != n {
		list, _ := w.a.Explain("default", revision)
		w.t.Errorf("after %v: want %d pods, got %d; %+v", time.Since(w.start), n, got, list[max(0, len(list)-1):])
	}
}

// writes is how many orders there were.
func (w *world) writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.orders)
}

func (w *world) breaks(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = err
}

// frame is what activator a1 says of a revision.
func frame(revision string, inFlight, queued, ready int) stat.Frame {
	return stat.Frame{
		Activator: "a1", Namespace: "default", Revision: revision, Concurrency: float64(inFlight + queued), Requests: float64(inFlight + queued),
		Seconds: 1, InFlight: inFlight, Queued: queued, Ready: ready,
	}
}

// say reports every second for so long.
func say(s *Stream, d time.Duration, f stat.Frame) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) { // virtual time
		s.Report(f)
	}
}

// asleep tells how many revisions have an actor, and looks the agenda has.
func (w *world) actors() (n, due int) {
	synctest.Wait()
	for _, v := range w.a.all() {
		v.mu.Lock()
		if v.actor != nil {
			n++
		}
		v.mu.Unlock()
	}
	w.a.agenda.mu.Lock()
	defer w.a.agenda.mu.Unlock()
	return n, len(w.a.agenda.looks)
}
