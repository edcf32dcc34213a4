package kubernetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// Event is something to tell people about an object, where `kubectl describe`
// and `kubectl get events` show it.
type Event struct {
	// About is the object; UID may be empty.
	About manifest.ID
	UID   string
	// Warning marks what somebody should look at.
	Warning bool
	// Reason is one word in CamelCase, Message a sentence.
	Reason, Message string
}

// EventsConfig says how Events are written.
type EventsConfig struct {
	// API is the server. Required.
	API *API
	// Component is who speaks. Default "sluice".
	Component string
	// Queue is how many events may wait; what comes when it is full is
	// dropped. Default 256.
	Queue int
	// Again is how long an event that repeats itself raises the count of the
	// one before instead of making a new one. Default 10 min.
	Again time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// Log is told about events that are dropped. Default: discarded.
	Log *slog.Logger
}

// Events writes Kubernetes Events in the background. An event is a courtesy:
// whoever has one never waits, and when the API server is away it is dropped
// and counted.
type Events struct {
	cfg     EventsConfig
	queue   chan Event
	dropped atomic.Int64
	// written is touched by Run alone.
	written map[Event]written
}

// written is where an event stands in the cluster.
type written struct {
	name  string
	count int32
	last  time.Time
}

// NewEvents makes a recorder; it writes nothing until Run.
func NewEvents(cfg EventsConfig) (*Events, error) {
	if cfg.API == nil {
		return nil, errors.New("kubernetes: EventsConfig.API is required")
	}
	if cfg.Component == "" {
		cfg.Component = "sluice"
	}
	if cfg.Queue <= 0 {
		cfg.Queue = 256
	}
	if cfg.Again <= 0 {
		cfg.Again = 10 * time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Events{cfg: cfg, queue: make(chan Event, cfg.Queue), written: map[Event]written{}}, nil
}

// Record puts an event in the queue and returns at once.
func (e *Events) Record(event Event) {
	select {
	case e.queue <- event:
	default:
		e.drop(event, errors.New("too many events at once"))
	}
}

// Dropped is how many events were lost.
func (e *Events) Dropped() int64 { return e.dropped.Load() }

func (e *Events) drop(event Event, err error) {
	n := e.dropped.Add(1)
	if n&(n-1) == 0 { // 1, 2, 4, 8...: loud, but no flood
		e.cfg.Log.Info("events were dropped", "dropped", n, "about", event.About.String(), "reason", event.Reason, "error", err)
	}
}

// Run writes events until ctx ends.
func (e *Events) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-e.queue:
			if err := e.write(ctx, event); err != nil && ctx.Err() == nil {
				e.drop(event, err)
			}
		}
	}
}

// write makes an Event or counts one up.
func (e *Events) write(ctx context.Context, event Event) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	now := e.cfg.Now()
	e.forget(now)
	if w, ok := e.written[event]; ok {
		w.count, w.last = w.count+1, now
		err := e.again(ctx, event, w)
		if !apierrors.IsNotFound(err) {
			e.written[event] = w
			return err
		}
	}
	object := e.object(event, now)
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	if _, err := e.cfg.API.do(ctx, http.MethodPost, collection(object.Namespace), "application/json", body); err != nil {
		return err
	}
	e.written[event] = written{object.Name, 1, now}
	return nil
}

// forget drops what is too old to be counted up.
func (e *Events) forget(now time.Time) {
	for event, w := range e.written {
		if now.Sub(w.last) > e.cfg.Again {
			delete(e.written, event)
		}
	}
}

// again raises the count of an Event that was written before.
func (e *Events) again(ctx context.Context, event Event, w written) error {
	body, err := json.Marshal(map[string]any{"count": w.count, "lastTimestamp": metav1.NewTime(w.last), "series": nil})
	if err != nil {
		return err
	}
	_, err = e.cfg.API.do(ctx, http.MethodPatch, collection(namespaceOf(event.About))+"/"+url.PathEscape(w.name), string(types.MergePatchType), body)
	return err
}

func collection(namespace string) string {
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/events"
}

// namespaceOf is where Events about an object live.
func namespaceOf(id manifest.ID) string {
	if id.Namespace == "" {
		return metav1.NamespaceDefault
	}
	return id.Namespace
}

// note is a message within the 1,024 bytes that the API server takes.
func note(message string) string {
	for most := 1000; ; most -= 100 {
		if text := clip(message, most); len(text) <= 1024 {
			return text
		}
	}
}

// object is the Event itself. Its name says the same for the same event at
// the same time, so that a repeated request makes no second one.
func (e *Events) object(event Event, now time.Time) *corev1.Event {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", event.About, event.Reason, event.Message))
	kind := corev1.EventTypeNormal
	if event.Warning {
		kind = corev1.EventTypeWarning
	}
	at := metav1.NewTime(now)
	name := event.About.Name[:min(len(event.About.Name), 200)]
	return &corev1.Event{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaceOf(event.About), Name: fmt.Sprintf("%s.%x.%s", name, now.UnixNano(), hex.EncodeToString(sum[:4]))},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: event.About.APIVersion, Kind: event.About.Kind, Namespace: event.About.Namespace,
			Name: event.About.Name, UID: types.UID(event.UID),
		},
		Type: kind, Reason: event.Reason, Message: note(event.Message),
		Source: corev1.EventSource{Component: e.cfg.Component}, ReportingController: e.cfg.Component,
		Count: 1, FirstTimestamp: at, LastTimestamp: at,
	}
}
