package autoscaler

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// served runs an Autoscaler on a real listener, with one sleeping revision.
func served(t *testing.T, cfg Config) (*world, string) {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	w := begin(t, cfg)
	<-w.a.Bound()
	w.put("hello-1", 0, 0)
	w.route("hello-1")
	return w, "http://" + w.a.Addr().String()
}

// line is one activator's connection.
type line struct {
	*json.Encoder
	body   *io.PipeWriter
	acks   *json.Decoder
	header http.Header
}

func dial(t *testing.T, base string, h2 bool) *line {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(!h2)
	tr.Protocols.SetUnencryptedHTTP2(h2)
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+stat.LoadPath, r)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = w.Close()
		_ = res.Body.Close()
		tr.CloseIdleConnections()
	})
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	return &line{json.NewEncoder(w), w, json.NewDecoder(res.Body), res.Header}
}

func TestServe_AStreamWakesAndIsAnswered(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			w, base := served(t, Config{})
			l := dial(t, base, h2)
			f := frame("hello-1", 0, 1, 0)
			f.Wake = true
			began := time.Now()
			if err := l.Encode(f); err != nil {
				t.Fatal(err)
			}
			var ack stat.Ack
			if err := l.acks.Decode(&ack); err != nil || ack.Want != 1 || ack.Error != "" {
				t.Fatalf("%+v, %v", ack, err)
			}
			t.Log("acknowledged after", time.Since(began), "of which 2ms are the write")
			if w.have("hello-1") != 1 {
				t.Error("not written")
			}
		})
	}
}

// streams waits until so many are open.
func streams(t *testing.T, w *world, n int) {
	t.Helper()
	for deadline := time.After(10 * time.Second); ; {
		w.a.mu.Lock()
		got := w.a.streams
		w.a.mu.Unlock()
		if got == n {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d streams, want %d", got, n)
		case <-time.After(time.Millisecond): // nothing announces it
		}
	}
}

func TestServe_AStreamEndsWithItsClientOrItsNonsense(t *testing.T) {
	w, base := served(t, Config{Silence: 50 * time.Millisecond})
	gone, silly, nameless, silent := dial(t, base, true), dial(t, base, false), dial(t, base, true), dial(t, base, true)
	streams(t, w, 4)
	_ = gone.body.Close()
	streams(t, w, 3)
	_, _ = io.WriteString(silly.body, "{]\n")
	streams(t, w, 2)
	_ = nameless.Encode(stat.Frame{Activator: "a1"})
	streams(t, w, 1)
	_, _ = io.WriteString(silent.body, "\n") // a heartbeat promises another
	streams(t, w, 0)
}

func TestServe_TheAutoscalersEndEndsItsStreams(t *testing.T) {
	w, base := served(t, Config{})
	l := dial(t, base, true)
	streams(t, w, 1)
	w.a.end()
	var ack stat.Ack
	if err := l.acks.Decode(&ack); err == nil {
		t.Errorf("got %+v", ack)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestServe_PagesExplainAndListWhatIsActive(t *testing.T) {
	w, base := served(t, Config{})
	l := dial(t, base, true)
	f := frame("hello-1", 0, 7, 0)
	f.Wake = true
	_ = l.Encode(f)
	var ack stat.Ack
	if err := l.acks.Decode(&ack); err != nil {
		t.Fatal(err)
	}
	code, body := get(t, base+"/v1/explain?revision=default/hello-1")
	var x Explanation
	if err := json.Unmarshal([]byte(body), &x); code != 200 || err != nil || len(x.Decisions) == 0 || x.Decisions[0].Want != 1 || !strings.Contains(x.Decisions[0].Reason, "7 requests now") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get(t, base+"/v1/explain?revision=default/nobody"); code != 404 || !strings.Contains(body, "default/nobody") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(t, base+"/v1/explain"); code != 400 {
		t.Error(code)
	}
	w.put("hello-2", 0, 0)
	w.put("hello-3", 2, 1, func(d *appsv1.Deployment) { d.Labels["serving.knative.dev/service"] = "other" })
	code, body = get(t, base+"/v1/top")
	var top []Entry
	if err := json.Unmarshal([]byte(body), &top); code != 200 || err != nil || len(top) != 2 || top[0].Queued != 7 || top[0].Service != "hello" || top[1].Revision != "hello-3" {
		t.Errorf("%d %s", code, body)
	}
	var page strings.Builder
	if err := w.a.WriteMetrics(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`kn_revision_pods_requested{namespace="default",service="hello",revision="hello-1"} 1`,
		`kn_revision_concurrency_target{namespace="default",service="hello",revision="hello-1"} 7`,
		`sluice_autoscaler_wake_duration_seconds_count 1`,
	} {
		if !strings.Contains(page.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, page.String())
		}
	}
}

func TestServe_AnAddressInUseIsSaid(t *testing.T) {
	w, _ := served(t, Config{})
	a, err := New(Config{Scaler: w, Listen: w.a.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
}

func TestNew_WantsAScaler(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("there is none")
	}
}

func TestServe_AStreamOfBlocksWakesAndIsAnswered(t *testing.T) {
	w, base := served(t, Config{})
	w.put("hello-2", 1, 1)
	l := dial(t, base, true)
	if got := l.header.Get("Accept-Post"); !strings.Contains(got, stat.BlockType) {
		t.Errorf("it accepts %q", got)
	}
	p := stat.NewPacker("a1")
	wake := frame("hello-1", 0, 1, 0)
	wake.Wake = true
	p.Add(&wake)
	if _, err := l.body.Write(p.Take()); err != nil {
		t.Fatal(err)
	}
	var ack stat.Ack
	if err := l.acks.Decode(&ack); err != nil || ack.Want != 1 || ack.Revision != "hello-1" {
		t.Fatalf("%+v, %v", ack, err)
	}
	_ = l.Encode(frame("hello-2", 7, 0, 1)) // lines may stand between blocks
	wake = frame("hello-1", 0, 40, 0)
	wake.Wake = true
	p.Add(&wake)
	_, _ = l.body.Write(p.Take())
	if err := l.acks.Decode(&ack); err != nil || ack.Want < 1 || ack.Error != "" {
		t.Fatalf("%+v, %v", ack, err)
	}
	if top := w.a.Top(); len(top) != 2 || top[0].Queued != 40 || top[1].InFlight != 7 {
		t.Errorf("%+v", top)
	}
	_, _ = l.body.Write([]byte{stat.BlockMark, 3, 9, 9, 9})
	streams(t, w, 0)
}
