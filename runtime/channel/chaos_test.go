package channel

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/sluice-dev/sluice/runtime/bus"
	"github.com/sluice-dev/sluice/runtime/bus/jetstream"
	"github.com/sluice-dev/sluice/runtime/channel/post"
	"github.com/sluice-dev/sluice/runtime/cloudevents"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Environment of the processes that this test starts from its own binary.
const (
	envChaos     = "SLUICE_CHAOS"      // dispatcher, subscriber or bus
	envChaosAt   = "SLUICE_CHAOS_AT"   // where it listens
	envChaosTo   = "SLUICE_CHAOS_TO"   // where events go
	envChaosFile = "SLUICE_CHAOS_FILE" // its files
	envChaosBus  = "SLUICE_CHAOS_BUS"  // the NATS server of a dispatcher; empty: it has one itself
	// envChaosFor is how long the killing goes on. Default 4 s.
	envChaosFor = "SLUICE_CHAOS_FOR"
)

// chaosRole runs one of the processes, for ever.
func chaosRole(role string) error {
	if role == "bus" {
		return serveNATS(os.Getenv(envChaosAt), os.Getenv(envChaosFile))
	}
	l, err := net.Listen("tcp", os.Getenv(envChaosAt))
	if err != nil {
		return err
	}
	if role == "subscriber" {
		return noteEvents(l, os.Getenv(envChaosFile))
	}
	return dispatch(l, os.Getenv(envChaosFile), os.Getenv(envChaosTo))
}

// noteEvents writes down every event before it answers; one in twenty it refuses
// for now.
func noteEvents(l net.Listener, file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if rand.IntN(20) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if _, err := f.WriteString(r.Header.Get("ce-id") + "\n"); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
}

// serveNATS is a NATS server with JetStream, as somebody else runs it.
func serveNATS(at, dir string) error {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: number, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return nil
}

// dispatch is `sluice channels` with a channel and a subscription in order.
func dispatch(l net.Listener, dir, to string) error {
	quiet := slog.New(slog.DiscardHandler)
	d, err := New(Config{Settle: time.Millisecond, Open: func(context.Context, contract.Bus) (bus.Driver, bus.Promises, error) {
		cfg := jetstream.Config{URL: os.Getenv(envChaosBus), Log: quiet}
		if cfg.URL == "" {
			cfg.Dir = dir
		}
		b, err := jetstream.Open(cfg)
		return b, jetstream.Promises, err
	}})
	if err != nil {
		return err
	}
	s := subscription("a", to, func(s *contract.Subscription) {
		s.Order = "account"
		s.Delivery = contract.Delivery{Retry: 1 << 20, BackoffDelay: contract.Duration(5 * time.Millisecond), BackoffMax: contract.Duration(50 * time.Millisecond), Timeout: contract.Duration(2 * time.Second)}
	})
	for kind, spec := range map[string]any{contract.EventsChannel: orders(), contract.EventsSubscription: s} {
		b, err := json.Marshal(spec)
		if err == nil {
			err = d.Set(kind, kind, b)
		}
		if err != nil {
			return err
		}
	}
	d.Synced()
	go func() { _ = d.Server().Serve(l) }()
	return d.Run(context.Background())
}

// victim is a process that is killed and started again.
type victim struct {
	t    *testing.T
	env  []string
	mu   sync.Mutex // guards cmd
	cmd  *exec.Cmd
	died int
}

func (v *victim) start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cmd = exec.Command(os.Args[0], "-test.run=^$")
	v.cmd.Env = append(os.Environ(), v.env...)
	v.cmd.Stderr = os.Stderr
	if err := v.cmd.Start(); err != nil {
		v.t.Error(err)
	}
}

// kill ends the process as a power cut would.
func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait() // killed
	v.died++
}

func TestChaos_WhatIsAcceptedIsDeliveredInOrderWhoeverDies(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for seconds")
	}
	dir, at := t.TempDir(), [2]string{freeAddress(t), freeAddress(t)}
	noted := filepath.Join(dir, "noted")
	dispatcher := &victim{t: t, env: []string{envChaos + "=dispatcher", envChaosAt + "=" + at[0], envChaosTo + "=http://" + at[1] + "/", envChaosFile + "=" + filepath.Join(dir, "bus")}}
	subscriber := &victim{t: t, env: []string{envChaos + "=subscriber", envChaosAt + "=" + at[1], envChaosFile + "=" + noted}}
	for _, v := range []*victim{dispatcher, subscriber} {
		v.start()
		defer v.kill()
	}
	accepted := sendUntil(t, at[0], chaosTime(t), dispatcher, subscriber)
	got, duplicates := awaitAll(t, noted, accepted)
	inOrder(t, got)
	t.Logf("%d events accepted, %d delivered twice or more; the dispatcher died %d times, the subscriber %d times",
		len(accepted), duplicates, dispatcher.died, subscriber.died)
	if len(accepted) < 100 || dispatcher.died == 0 || subscriber.died == 0 {
		t.Error("that proves little")
	}
}

// The same with the bus outside, which dies too. A dispatcher that was killed
// keeps the right to an ordered subscription for seconds there, so this takes a
// while.
func TestChaos_TheBusToo(t *testing.T) {
	if os.Getenv(envChaosFor) == "" {
		t.Skip("takes a minute; set " + envChaosFor + " to how long the killing goes on, as 30s")
	}
	dir, at := t.TempDir(), [3]string{freeAddress(t), freeAddress(t), freeAddress(t)}
	noted := filepath.Join(dir, "noted")
	natsServer := &victim{t: t, env: []string{envChaos + "=bus", envChaosAt + "=" + at[2], envChaosFile + "=" + filepath.Join(dir, "nats")}}
	dispatcher := &victim{t: t, env: []string{envChaos + "=dispatcher", envChaosAt + "=" + at[0], envChaosTo + "=http://" + at[1] + "/", envChaosBus + "=nats://" + at[2]}}
	subscriber := &victim{t: t, env: []string{envChaos + "=subscriber", envChaosAt + "=" + at[1], envChaosFile + "=" + noted}}
	for _, v := range []*victim{natsServer, dispatcher, subscriber} {
		v.start()
		defer v.kill()
	}
	accepted := sendUntil(t, at[0], chaosTime(t), natsServer, dispatcher, subscriber)
	got, duplicates := awaitAll(t, noted, accepted)
	inOrder(t, got)
	t.Logf("%d events accepted, %d delivered twice or more; the bus died %d times, the dispatcher %d times, the subscriber %d times",
		len(accepted), duplicates, natsServer.died, dispatcher.died, subscriber.died)
	if len(accepted) < 100 || natsServer.died == 0 || dispatcher.died == 0 || subscriber.died == 0 {
		t.Error("that proves little")
	}
}

func chaosTime(t *testing.T) time.Duration {
	d, err := time.ParseDuration(os.Getenv(envChaosFor))
	if err != nil && os.Getenv(envChaosFor) != "" {
		t.Fatal(err)
	}
	return max(d, 4*time.Second)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// sendUntil sends events of eight accounts, each account's one after the other,
// each until it is accepted, and has processes killed meanwhile.
func sendUntil(t *testing.T, at string, how time.Duration, victims ...*victim) map[string]bool {
	t.Helper()
	client := post.New(post.Config{Dial: post.Via(at)})
	defer client.Close()
	to, err := client.Target(contract.Destination{URL: contract.ChannelURL("shop", "orders")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), how)
	defer cancel()
	accepted, mu := map[string]bool{}, sync.Mutex{}
	var wg sync.WaitGroup
	for account := range 8 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%d-%06d", account, n)
				if !sendOne(ctx, to, fmt.Sprint(account), id) {
					return
				}
				mu.Lock()
				accepted[id] = true
				mu.Unlock()
			}
		})
	}
	for pause(ctx, time.Duration(100+rand.IntN(500))*time.Millisecond) {
		v := victims[rand.IntN(len(victims))]
		v.kill()
		v.start()
	}
	wg.Wait()
	return accepted
}

// sendOne sends one event until it is accepted; false: time is over.
func sendOne(ctx context.Context, to *post.Target, account, id string) bool {
	e := cloudevents.Event{ID: id, Source: "/chaos", Type: "thing", Extensions: []cloudevents.Extension{{Name: "account", Value: account}}}
	for ctx.Err() == nil {
		if a, err := to.Post(ctx, &e, "", time.Second); err == nil && a.Status == http.StatusAccepted {
			return true
		}
		pause(ctx, 5*time.Millisecond)
	}
	return false
}

// awaitAll reads what the subscriber noted until everything accepted is there.
func awaitAll(t *testing.T, file string, accepted map[string]bool) (got []string, duplicates int) {
	t.Helper()
	missing := 0
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		got = lines(t, file)
		seen := map[string]bool{}
		for _, id := range got {
			seen[id] = true
		}
		missing = 0
		for id := range accepted {
			if !seen[id] {
				missing++
			}
		}
		if missing == 0 {
			return got, len(got) - len(seen)
		}
	}
	t.Fatalf("%d of %d accepted events were not delivered", missing, len(accepted))
	return nil, 0
}

func lines(t *testing.T, file string) (out []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, s.Text())
	}
	return out
}

// inOrder checks that no event of an account came first before an earlier one.
func inOrder(t *testing.T, got []string) {
	t.Helper()
	last, seen := map[string]string{}, map[string]bool{}
	for _, id := range got {
		account, _, _ := strings.Cut(id, "-")
		if !seen[id] && id < last[account] {
			t.Errorf("%s came after %s", id, last[account])
		}
		seen[id] = true
		last[account] = max(last[account], id)
	}
}
