package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/sluice-dev/sluice/schema/contract"
)

// say writes raw bytes to the front and reads the answer's head.
func say(t *testing.T, g *rig, raw string) (net.Conn, *http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", g.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, res
}

// switches answers everything by switching to whatever is asked for, and tells
// the request's head.
func switches(t *testing.T, to string) (addr string, heads <-chan string) {
	seen := make(chan string, 10)
	return tcpBackend(t, func(c net.Conn) {
		head := readRequestHead(c)
		seen <- head
		if strings.Contains(head, "Upgrade: "+to) {
			_, _ = fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %s\r\n\r\n", to)
			_, _ = io.Copy(io.Discard, c)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}), seen
}

func TestForward_NoRequestsPassByInsideAnUpgradeToHTTP2(t *testing.T) {
	for _, to := range []string{"h2c", "H2C", "websocket, h2c", "HTTP/2.0"} {
		addr, heads := switches(t, to)
		g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
		_, res := say(t, g, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+to+"\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
		if head := <-heads; res.StatusCode != http.StatusOK || strings.Contains(strings.ToLower(head), "upgrade") {
			t.Errorf("Upgrade: %s: status %d, the app got %q", to, res.StatusCode, head)
		}
	}
}

func TestForward_ARequestWithABodyIsNotUpgraded(t *testing.T) {
	for _, framing := range []string{"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Content-Length: 100000\r\n\r\nhello"} {
		addr, heads := switches(t, "raw")
		g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
		_, res := say(t, g, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n"+framing)
		if head := <-heads; res.StatusCode == http.StatusSwitchingProtocols || strings.Contains(head, "Upgrade") {
			t.Errorf("status %d, the app got %q", res.StatusCode, head)
		}
	}
}

func TestForward_OfTrailersOnlyThoseThatMayBeReachTheApp(t *testing.T) {
	tails := make(chan string, 1)
	addr := tcpBackend(t, func(c net.Conn) {
		br := bufio.NewReader(c)
		_ = lines(br)
		tails <- lines(br)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	for _, evil := range []string{
		"Content-Length: 5", "Transfer-Encoding: chunked", "X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6", "Host: evil",
		contract.HeaderRevision + ": evil",
	} {
		g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
		say(t, g, "POST / HTTP/1.1\r\nHost: x\r\nTrailer: X-Good\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Good: 1\r\n"+evil+"\r\n\r\n")
		if got, want := <-tails, "0\r\nX-Good: 1\r\n\r\n"; got != want {
			t.Errorf("%q: the app got %q, want %q", evil, got, want)
		}
	}
}

func TestForward_OfTrailersOnlyThoseThatMayBeReachAnH2CApp(t *testing.T) {
	var got http.Header
	addr := backend(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got = r.Trailer
	})
	g := hop(t, Config{}, addr, contract.ProtocolH2C, Timeouts{})
	say(t, g, "POST / HTTP/1.1\r\nHost: x\r\nTrailer: X-Good, Forwarded\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Good: 1\r\nForwarded: for=6.6.6.6\r\n\r\n")
	if got.Get("X-Good") != "1" || len(got["Forwarded"]) > 0 {
		t.Errorf("the app got %v", got)
	}
}

// lines reads up to and including an empty line.
func lines(br *bufio.Reader) string {
	var all strings.Builder
	for line, err := "", error(nil); line != "\r\n" && err == nil; all.WriteString(line) {
		line, err = br.ReadString('\n')
	}
	return all.String()
}

func TestForward_ATraceThatConnectionNamesIsBegunAnew(t *testing.T) {
	for _, protocol := range []string{contract.ProtocolHTTP1, contract.ProtocolH2C} {
		var got http.Header
		addr := backend(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		say(t, g, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Traceparent\r\nTraceparent: 00-1-1-00\r\n\r\n")
		if v := got["Traceparent"]; len(v) != 1 || v[0] == "00-1-1-00" {
			t.Errorf("app=%s: traceparent %q", protocol, v)
		}
	}
}

func TestForward_AnInterimAnswerHasNoLength(t *testing.T) {
	addr := rawBackend(t, "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	g := hop(t, Config{}, addr, contract.ProtocolHTTP1, Timeouts{})
	var hints http.Header
	req := request(t, "GET", g.front.URL, nil)
	req = req.WithContext(onEarlyHints(req.Context(), func(h http.Header) { hints = h }))
	if res, body := do(t, h1Client(t), req); hints.Get("Link") == "" || len(hints["Content-Length"]) > 0 || body != "ok" || slices.Contains(res.Header["Content-Length"], "5") {
		t.Errorf("hints %v, answer %v %q", hints, res.Header, body)
	}
}

func TestForward_EarlyHintsOfAnH2CAppPass(t *testing.T) {
	addr := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = io.WriteString(w, "ok")
	})
	for _, client := range []*http.Client{h1Client(t), h2cClient(t)} {
		g := hop(t, Config{}, addr, contract.ProtocolH2C, Timeouts{})
		var hints http.Header
		req := request(t, "GET", g.front.URL, nil)
		req = req.WithContext(onEarlyHints(req.Context(), func(h http.Header) { hints = h }))
		if res, body := do(t, client, req); hints.Get("Link") != "</a.css>" || res.Header.Get("Link") != "" || body != "ok" {
			t.Errorf("hints %v, answer %v %q", hints, res.Header, body)
		}
	}
}

// ask2 asks with exactly these pseudo headers and fields over HTTP/2, and
// returns the status; "" if the stream or the connection is ended instead.
func ask2(t *testing.T, g *rig, fields ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", g.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, http2.ClientPreface)
	fr := http2.NewFramer(c, c)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = fr.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return ""
		}
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return ""
		}
	}
}

func TestForward_ARequestOfHTTP2IsOneOfHTTP1OrNone(t *testing.T) {
	for _, protocol := range []string{contract.ProtocolHTTP1, contract.ProtocolH2C} {
		heads := make(chan string, 10)
		addr := tcpBackend(t, func(c net.Conn) {
			heads <- readRequestHead(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		})
		if protocol == contract.ProtocolH2C {
			addr = backend(t, func(_ http.ResponseWriter, r *http.Request) { heads <- r.Method + " " + r.RequestURI + " " + r.Host })
		}
		g := hop(t, Config{}, addr, protocol, Timeouts{})
		for _, c := range [][]string{
			{":method", "GET /admin HTTP/1.1", ":scheme", "http", ":authority", "x", ":path", "/"},
			{":method", "G(T", ":scheme", "http", ":authority", "x", ":path", "/"},
			{":method", "GET", ":scheme", "http", ":authority", "x y", ":path", "/"},
			{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/ HTTP/1.1"},
			{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/", "a b", "c"},
			{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/", "a", "b\r\nc: d"},
			{":method", "GET", ":scheme", "http", ":authority", "x", ":path", "/", "transfer-encoding", "chunked"},
		} {
			status := ask2(t, g, c...)
			select {
			case head := <-heads:
				t.Errorf("%s: %q: status %s, the app got %q", protocol, c, status, head)
			default:
			}
			if status == "200" {
				t.Errorf("%s: %q is answered 200", protocol, c)
			}
		}
	}
}
