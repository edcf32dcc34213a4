package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// expectant sends the head of a request that expects 100-continue, and after
// it what there is of the body already.
func expectant(t *testing.T, g *rig, body string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", g.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"+body)
	return c, bufio.NewReader(c)
}

// bothApps runs f for each protocol that an app may speak.
func bothApps(t *testing.T, f func(t *testing.T, protocol string)) {
	t.Helper()
	for _, protocol := range []string{contract.ProtocolHTTP1, contract.ProtocolH2C} {
		t.Run("app="+protocol, func(t *testing.T) { f(t, protocol) })
	}
}

// answered reads a final answer to its end.
func answered(t *testing.T, br *bufio.Reader, want string) {
	t.Helper()
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != want {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestForward_ExpectContinueIsAnsweredByTheAppAlone(t *testing.T) {
	bothApps(t, func(t *testing.T, protocol string) {
		asked, ask := make(chan struct{}), make(chan struct{})
		addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
			close(asked)
			<-ask
			b, _ := io.ReadAll(r.Body)
			_, _ = w.Write(b)
		})
		c, br := expectant(t, hop(t, Config{ContinueTimeout: time.Hour}, addr, protocol, Timeouts{}), "")
		<-asked
		close(ask)
		line, err := br.ReadString('\n')
		if err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("got %q, %v", line, err)
		}
		_, _ = br.ReadString('\n')
		_, _ = io.WriteString(c, "hello")
		answered(t, br, "hello")
	})
}

func TestForward_AnAppThatRefusesIsSentNoBody(t *testing.T) {
	for _, why := range []string{"", "too large"} {
		bothApps(t, func(t *testing.T, protocol string) {
			addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				_, _ = io.WriteString(w, why)
			})
			g := hop(t, Config{ContinueTimeout: time.Hour}, addr, protocol, Timeouts{})
			_, br := expectant(t, g, "")
			if line, err := br.Peek(len("HTTP/1.1 413")); err != nil || string(line) != "HTTP/1.1 413" {
				t.Fatalf("got %q, %v", line, err)
			}
			answered(t, br, why)
			if err := <-g.errs; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestForward_AnAppThatIgnoresExpectGetsTheBodyAllTheSame(t *testing.T) {
	addr := tcpBackend(t, func(c net.Conn) {
		readRequestHead(c)
		b := make([]byte, 5)
		_, _ = io.ReadFull(c, b)
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s", b)
	})
	g := hop(t, Config{ContinueTimeout: time.Millisecond}, addr, contract.ProtocolHTTP1, Timeouts{})
	req := request(t, "POST", g.front.URL, strings.NewReader("hello"))
	req.Header.Set("Expect", "100-continue")
	if _, body := do(t, h1Client(t), req); body != "hello" {
		t.Errorf("got %q", body)
	}
}

func TestForward_AnH2CAppThatAnswersFirstGetsTheBodyAllTheSame(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush() // 200, and so no 100
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	})
	_, br := expectant(t, hop(t, Config{ContinueTimeout: time.Millisecond}, addr, contract.ProtocolH2C, Timeouts{}), "hello")
	answered(t, br, "hello")
}
