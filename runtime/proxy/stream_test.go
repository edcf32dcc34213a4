package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestForward_EachServerSentEventArrivesBeforeTheNextIsMade(t *testing.T) {
	matrix(t, func(t *testing.T, client *http.Client, protocol string) {
		next := make(chan struct{})
		addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(200)
			rc := http.NewResponseController(w)
			_ = rc.Flush()
			for i := range 5 {
				<-next
				_, _ = fmt.Fprintf(w, "data: %d0\r\n\r\n", i)
				_ = rc.Flush()
			}
		})
		g := hop(t, Config{}, addr, protocol, Timeouts{Total: 20 * time.Second})
		res, err := client.Do(request(t, "GET", g.front.URL, nil)) // returns: the head came alone
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		lines := bufio.NewReader(res.Body)
		for i := range 5 {
			next <- struct{}{}
			line, err := lines.ReadString('\n')
			if want := fmt.Sprintf("data: %d0\r\n", i); err != nil || line != want {
				t.Fatalf("event %d: %q %v", i, line, err)
			}
			_, _ = lines.ReadString('\n')
		}
	})
}

func TestForward_ASizedBodyThatComesInPiecesIsNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		for _, s := range []string{"a", "b", "c"} {
			_, _ = io.WriteString(w, s)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	res, err := h1Client(t).Do(request(t, "GET", g.front.URL, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 1)
	for _, want := range []string{"a", "b", "c"} {
		if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != want {
			t.Fatalf("%q %v", b, err)
		}
		next <- struct{}{}
	}
}

func echo(t *testing.T) string {
	return backend(t, func(w http.ResponseWriter, r *http.Request) {
		websocket.Handler(func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }).ServeHTTP(w, r)
	})
}

func dialWebSocket(t *testing.T, g *rig) *websocket.Conn {
	t.Helper()
	ws, err := websocket.Dial(strings.Replace(g.front.URL, "http", "ws", 1)+"/ws", "", "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	return ws
}

func TestForward_WebSocketsEcho(t *testing.T) {
	for _, protocol := range []string{contract.ProtocolHTTP1, contract.ProtocolH2C} {
		t.Run(protocol, func(t *testing.T) {
			g := hop(t, Config{}, echo(t), protocol, Timeouts{})
			ws := dialWebSocket(t, g)
			for _, msg := range []string{"one", strings.Repeat("two", 50000)} {
				go func() { _ = websocket.Message.Send(ws, msg) }()
				got := make([]byte, len(msg)) // the app answers in frames of its own making
				if _, err := io.ReadFull(ws, got); err != nil || string(got) != msg {
					t.Fatalf("%.40q, %v", got, err)
				}
			}
			_ = ws.Close()
			if err := <-g.errs; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestForward_OnlyTheIdleTimerEndsAWebSocket(t *testing.T) {
	g := hop(t, Config{}, echo(t), contract.ProtocolHTTP1, Timeouts{Total: 300 * time.Millisecond, ResponseStart: 300 * time.Millisecond, Idle: time.Second})
	ws := dialWebSocket(t, g)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 12 { // 1.2 s: past every timer, never idle
		<-tick.C
		var got string
		if err := websocket.Message.Send(ws, "x"); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(ws, &got); err != nil {
			t.Fatal(err)
		}
	}
	var got string
	if err := websocket.Message.Receive(ws, &got); err == nil {
		t.Error("an idle connection stayed open")
	}
}

func TestForward_ARefusedUpgradeIsAnOrdinaryAnswer(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	req := request(t, "GET", g.front.URL, nil)
	req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	if res, body := do(t, h1Client(t), req); res.StatusCode != http.StatusForbidden || body != "no\n" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

func TestForward_BytesSentRightAfterTheSwitchArrive(t *testing.T) {
	got := make(chan string, 1)
	addr := tcpBackend(t, func(c net.Conn) {
		readRequestHead(c)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\nearly")
		b, _ := io.ReadAll(c)
		got <- string(b)
		_, _ = io.WriteString(c, "late")
	})
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	c, err := net.Dial("tcp", g.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\neager")
	br := bufio.NewReader(c)
	res, err := http.ReadResponse(br, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Upgrade") != "raw" {
		t.Fatalf("%v %v", res, err)
	}
	early := make([]byte, 5)
	if _, err := io.ReadFull(br, early); err != nil || string(early) != "early" {
		t.Fatalf("%q %v", early, err)
	}
	_ = c.(*net.TCPConn).CloseWrite() // the client is done talking, not listening
	if late, err := io.ReadAll(br); err != nil || string(late) != "late" {
		t.Errorf("%q %v", late, err)
	}
	if s := <-got; s != "eager" {
		t.Errorf("the app got %q", s)
	}
}

func TestDrain_WaitsForWebSocketsAndThenEndsThem(t *testing.T) {
	g := hop(t, Config{}, echo(t), contract.ProtocolHTTP1, Timeouts{})
	g.proxy.Drain(t.Context()) // nothing is open: returns at once
	ws := dialWebSocket(t, g)
	if err := websocket.Message.Send(ws, "x"); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := websocket.Message.Receive(ws, &got); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() {
		g.proxy.Drain(ctx)
		close(drained)
	}()
	if err := websocket.Message.Send(ws, "y"); err != nil {
		t.Fatal(err)
	}
	if err := websocket.Message.Receive(ws, &got); err != nil || got != "y" {
		t.Fatalf("a draining connection is cut: %v", err)
	}
	cancel()
	<-drained
	if err := websocket.Message.Receive(ws, &got); err == nil {
		t.Error("still open after the deadline")
	}
}
