package pubsub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/google"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// atOnce and bytesAtOnce bound what is on its way to the sink.
	atOnce      = 100
	bytesAtOnce = 64 << 20
	// held is for how long a message is kept from being brought again. A sink
	// that is away for longer gets it again then.
	held = time.Hour
	// giveBack is when a message is handed back, before that.
	giveBack = held - time.Minute
	// grace is for how long an event that is on its way may be acknowledged when
	// the source ends.
	grace = 2 * time.Second

	againFirst = 2 * time.Second
	againLast  = time.Minute
)

// Sender takes events; see source.Sink.
type Sender interface {
	Send(ctx context.Context, e *cloudevents.Event) error
}

// Config is how to run.
type Config struct {
	Source contract.Source
	// Credentials is the JSON of a service account's key. "": the machine's own.
	Credentials string
	Sink        Sender
	// Ready is called when nothing is missed any more; nil is nobody.
	Ready func()
	Log   *slog.Logger
}

// Source sends messages.
type Source struct {
	cfg    Config
	spec   contract.PubSubSource
	access google.Access

	client *pubsub.Client // while it runs
}

// New checks the source and its credential. Nothing is asked of Pub/Sub yet.
func New(cfg Config) (*Source, error) {
	if cfg.Source.PubSub == nil || cfg.Source.PubSub.Topic == "" {
		return nil, errors.New("pubsub: the source names no topic")
	}
	s := &Source{cfg: cfg, spec: *cfg.Source.PubSub}
	s.access = google.Access{Credentials: cfg.Credentials, Endpoint: s.spec.Endpoint}
	if _, err := s.access.Options(); err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Source.Ref, err)
	}
	s.cfg.Log = cmp.Or(cfg.Log, slog.Default())
	if cfg.Ready == nil {
		s.cfg.Ready = func() {}
	}
	return s, nil
}

// Run sends until ctx ends. What Pub/Sub refuses to let us do, or a topic that
// is not there yet, is tried again until it can be done.
func (s *Source) Run(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	defer s.client.Close()
	wait := againFirst
	for ctx.Err() == nil {
		began := time.Now()
		err := s.receive(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > againLast {
			wait = againFirst
		}
		s.cfg.Log.Warn("Pub/Sub does not bring messages, is asked again", "topic", s.topic(), "error", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, againLast)
	}
	return nil
}

// open makes the client, which connects when it is first used.
func (s *Source) open(ctx context.Context) error {
	options, err := s.access.Options()
	if err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Source.Ref, err)
	}
	project := cmp.Or(s.spec.Project, s.access.Project(), pubsub.DetectProjectID)
	if s.client, err = pubsub.NewClient(ctx, project, options...); err != nil {
		if project == pubsub.DetectProjectID {
			return fmt.Errorf("%s: the project cannot be told from the credential: write it in the source", s.cfg.Source.Ref)
		}
		return fmt.Errorf("%s: %w", s.cfg.Source.Ref, s.access.Refused(err))
	}
	return nil
}

// receive has the subscription there and sends its messages until that ends.
func (s *Source) receive(ctx context.Context) error {
	if err := s.ensure(ctx); err != nil {
		return err
	}
	from := s.client.Subscriber(s.subscription())
	from.ReceiveSettings.MaxOutstandingMessages = atOnce
	from.ReceiveSettings.MaxOutstandingBytes = bytesAtOnce
	from.ReceiveSettings.MaxExtension = held
	s.cfg.Ready()
	return from.Receive(ctx, s.send)
}

// send sends one message, then settles it.
func (s *Source) send(ctx context.Context, m *pubsub.Message) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBack)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(last, func() { timer.Stop() })
	})
	defer stop()
	e, err := s.event(m)
	if err == nil {
		err = s.cfg.Sink.Send(last, &e)
	}
	if err == nil {
		m.Ack()
		return
	}
	if last.Err() == nil {
		s.cfg.Log.Error("event refused, the message is handed back", "id", e.ID, "message", m.ID, "error", err)
	}
	m.Nack()
}
