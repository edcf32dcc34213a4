package ping

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/runtime/source/memory"
	"github.com/sluice-dev/sluice/schema/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink notes the times of ticks; each takes a while.
type sink struct {
	takes time.Duration
	got   []cloudevents.Event
}

func (s *sink) Send(ctx context.Context, e *cloudevents.Event) error {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	s.got = append(s.got, *e)
	return nil
}

func (s *sink) times() string {
	var all []string
	for _, e := range s.got {
		all = append(all, e.Time[11:19])
	}
	return strings.Join(all, " ")
}

func start(t *testing.T, s *sink, p contract.PingSource, m memory.Memory) (stop func()) {
	t.Helper()
	src, err := New(Config{
		Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "clock"}, Ping: &p}, Sink: s, Memory: m,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- src.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// synctest's clock begins at 2000-01-01 00:00:00 UTC.

func TestRun_TicksOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		stop := start(t, s, contract.PingSource{Schedule: "*/1 * * * *", ContentType: "application/json", Data: []byte(`{"a":1}`)}, nil)
		time.Sleep(3*time.Minute + time.Second)
		stop()
		if s.times() != "00:01:00 00:02:00 00:03:00" {
			t.Fatalf("ticked at %s", s.times())
		}
		e := s.got[0]
		if e.ID != "shop-clock-946684860" || e.Source != "/apis/v1/namespaces/shop/pingsources/clock" || e.Type != Type ||
			e.DataContentType != "application/json" || string(e.Data) != `{"a":1}` || e.Validate() != nil {
			t.Errorf("%+v", e)
		}
	})
}

func TestRun_AsTheTimeZoneSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		stop := start(t, s, contract.PingSource{Schedule: "0 9 * * *", TimeZone: "America/New_York"}, nil)
		time.Sleep(24 * time.Hour)
		stop()
		if s.times() != "14:00:00" {
			t.Errorf("ticked at %s", s.times())
		}
	})
}

func TestRun_MissedTicks(t *testing.T) {
	for policy, want := range map[string]string{
		"":                  "00:01:00 00:05:00", // 2, 3 and 4 pass while 1 is sent
		contract.MissedSkip: "00:01:00 00:05:00",
		contract.MissedOne:  "00:01:00 00:04:00",
		contract.MissedAll:  "00:01:00 00:02:00",
	} {
		t.Run("policy "+policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sink{takes: 3*time.Minute + 30*time.Second}
				stop := start(t, s, contract.PingSource{Schedule: "* * * * *", Missed: policy}, nil)
				time.Sleep(8*time.Minute + 35*time.Second)
				stop()
				if got := s.times(); got != want {
					t.Errorf("sent %s, want %s", got, want)
				}
			})
		})
	}
}

func TestDue(t *testing.T) {
	s, err := parse(contract.PingSource{Schedule: "0 * * * *"})
	if err != nil {
		t.Fatal(err)
	}
	last := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, policy string
		now          time.Time
		want         int
	}{
		{"nothing passed", contract.MissedAll, last.Add(59 * time.Minute), 0},
		{"one, on time", contract.MissedSkip, last.Add(time.Hour), 1},
		{"one, late", contract.MissedSkip, last.Add(time.Hour + time.Minute), 0},
		{"three, late, skip", contract.MissedSkip, last.Add(3*time.Hour + time.Minute), 0},
		{"three, late, one", contract.MissedOne, last.Add(3*time.Hour + time.Minute), 1},
		{"three, late, all", contract.MissedAll, last.Add(3*time.Hour + time.Minute), 3},
		{"years, all", contract.MissedAll, last.AddDate(1, 0, 0), maxMissed},
	} {
		if got := s.due(last, c.now, c.policy); len(got) != c.want {
			t.Errorf("%s: %d ticks, want %d", c.name, len(got), c.want)
		}
	}
}

func TestRun_RemembersTheLastTick(t *testing.T) {
	for policy, want := range map[string]string{
		contract.MissedSkip: "00:01:00 00:02:00",
		contract.MissedOne:  "00:01:00 00:02:00 00:05:00",
		contract.MissedAll:  "00:01:00 00:02:00 00:03:00 00:04:00 00:05:00",
	} {
		state := memory.File(filepath.Join(t.TempDir(), "tick"))
		p := contract.PingSource{Schedule: "* * * * *", Missed: policy}
		synctest.Test(t, func(t *testing.T) {
			s := &sink{}
			stop := start(t, s, p, state)
			time.Sleep(2*time.Minute + time.Second)
			stop()
			time.Sleep(3*time.Minute + 20*time.Second)
			stop = start(t, s, p, state)
			time.Sleep(time.Second)
			stop()
			if s.times() != want {
				t.Errorf("%s: sent %s, want %s", policy, s.times(), want)
			}
		})
	}
}

func TestNew_SaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		p    contract.PingSource
		want string
	}{
		{contract.PingSource{Schedule: "every day"}, `shop/clock: schedule "every day": `},
		{contract.PingSource{Schedule: "* * * * *", TimeZone: "Mars"}, `shop/clock: time zone "Mars" is unknown: write an IANA name`},
	} {
		_, err := New(Config{Source: contract.Source{Ref: contract.Ref{Namespace: "shop", Name: "clock"}, Ping: &c.p}})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
