package front

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is what is compared: front and net/http.
type server interface {
	Serve(net.Listener) error
	Close() error
}

// run serves h until the test ends; it returns the address.
func run(t testing.TB, s server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Error("Serve: ", err)
		}
	})
	return ln.Addr().String()
}

// start serves h by a front.
func start(t testing.TB, h http.HandlerFunc) (*Server, string) {
	t.Helper()
	s := New(&http.Server{Handler: h})
	return s, run(t, s)
}

// client is one connection, spoken to byte by byte.
type client struct {
	*net.TCPConn
	t  testing.TB
	br *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second)) // a test that hangs says where
	return &client{nc.(*net.TCPConn), t, bufio.NewReader(nc)}
}

func (c *client) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads an answer to a request with that method.
func (c *client) hear(method string) (*http.Response, string, error) {
	c.t.Helper()
	res, err := http.ReadResponse(c.br, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

// ended tells whether the server has closed the connection; it waits for it.
func (c *client) ended() bool {
	_, err := c.br.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

const hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

// isFront tells which server serves r: only front's answer knows of no Hijack.
func isFront(w http.ResponseWriter) bool {
	_, ok := w.(*response)
	return ok
}
