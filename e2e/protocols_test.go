package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// dialHTTP is a connection to the gateway on which a test speaks HTTP by hand.
func dialHTTP(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", under.http)
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	check(t, c.SetDeadline(time.Now().Add(patience)))
	return c, bufio.NewReader(c)
}

// mirrorApps answer in both of the protocols that an app may speak.
func mirrorApps(t *testing.T) []string {
	c := newClone(t)
	c.serve(app{name: "mirror", target: "ok", port: contract.ProtocolHTTP1}, app{name: "mirror-h2c", target: "ok", port: contract.ProtocolH2C})
	return []string{"mirror", "mirror-h2c"}
}

// What HTTP has beside a question and an answer, through gateway and activator
// to an app of either protocol.
func TestProtocols(t *testing.T) {
	for _, name := range mirrorApps(t) {
		t.Run(name, func(t *testing.T) {
			t.Run("large bodies arrive whole both ways", func(t *testing.T) { largeBodies(t, name) })
			t.Run("both sides speak at once over h2c", func(t *testing.T) { duplex(t, name) })
			t.Run("100-continue", func(t *testing.T) { expectContinue(t, name) })
			t.Run("each event arrives before the next is made", func(t *testing.T) { eachEvent(t, name) })
			t.Run("a slow client is waited for", func(t *testing.T) { slowClient(t, name) })
		})
	}
}

func largeBodies(t *testing.T, name string) {
	const size = 32 << 20
	sent := sha256.New()
	body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), sent)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host(name)+"/mirror", body)
	check(t, err)
	resp, err := patient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	got := sha256.New()
	n, err := io.Copy(got, resp.Body)
	if err != nil || n != size || string(got.Sum(nil)) != string(sent.Sum(nil)) {
		t.Errorf("%d of %d bytes came back, %v", n, size, err)
	}
}

// duplex says a word only when the one before came back.
func duplex(t *testing.T, name string) {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	h2c := &http.Transport{Protocols: &only, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, under.http)
	}}
	defer h2c.CloseIdleConnections()
	body, say := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+host(name)+"/mirror", body)
	check(t, err)
	go func() { _, _ = io.WriteString(say, "one\n") }() // a failure shows in what comes back
	resp, err := h2c.RoundTrip(r)
	check(t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, next := range []string{"two\n", "three\n", ""} {
		line, err := lines.ReadString('\n')
		check(t, err)
		if next == "" {
			check(t, say.Close())
			if line != "three\n" {
				t.Errorf("heard %q last", line)
			}
			return
		}
		_, err = io.WriteString(say, next)
		check(t, err)
	}
}

// expectContinue sends its body when it is asked to, and not at all when not.
func expectContinue(t *testing.T, name string) {
	for _, c := range []struct{ path, first, body string }{
		{"/mirror", "HTTP/1.1 100", "four"},
		{"/mirror?refuse", "HTTP/1.1 413", ""},
	} {
		conn, answers := dialHTTP(t)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n", c.path, host(name))
		line, err := answers.ReadString('\n')
		check(t, err)
		if !strings.HasPrefix(line, c.first) {
			t.Errorf("%s: %q, want %s", c.path, line, c.first)
		}
		if c.body == "" {
			continue
		}
		_, err = io.WriteString(conn, c.body)
		check(t, err)
		rest, err := io.ReadAll(answers)
		if err != nil || !strings.Contains(string(rest), "HTTP/1.1 200") || !strings.Contains(string(rest), c.body) {
			t.Errorf("%q, %v", rest, err)
		}
	}
}

// eachEvent reads an answer that takes long, piece by piece.
func eachEvent(t *testing.T, name string) {
	began := time.Now()
	resp, err := patient.Get("http://" + host(name) + "/work?parts=3&gap=300ms")
	check(t, err)
	defer resp.Body.Close()
	one := make([]byte, 2)
	_, err = io.ReadFull(resp.Body, one)
	if first := time.Since(began); err != nil || first > 600*time.Millisecond {
		t.Errorf("%q came after %s, %v; the whole answer takes 900 ms", one, first, err)
	}
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(one)+string(rest) != "ok..." {
		t.Errorf("%q%q, %v", one, rest, err)
	}
}

// slowClient takes its time to ask and to listen.
func slowClient(t *testing.T, name string) {
	conn, answers := dialHTTP(t)
	for _, piece := range []string{"POST /mirror HT", "TP/1.1\r\nHost: ", host(name) + "\r\nContent-Le", "ngth: 6\r\nConnection: close\r\n\r\n", "sl", "ow", "ly"} {
		_, err := io.WriteString(conn, piece)
		check(t, err)
		time.Sleep(100 * time.Millisecond) // that is what slow means
	}
	var all strings.Builder
	for {
		b, err := answers.ReadByte()
		if err == io.EOF {
			break
		}
		check(t, err)
		all.WriteByte(b)
	}
	if s := all.String(); !strings.HasPrefix(s, "HTTP/1.1 200") || !strings.Contains(s, "sl") || !strings.Contains(s, "ly") {
		t.Errorf("%q", s)
	}
}
