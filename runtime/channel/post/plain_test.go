package post

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestPlainAnswer_IsCertainOrNothing(t *testing.T) {
	for head, want := range map[string]int{
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nDate: x":                          202,
		"HTTP/1.1 204 No Content":                                                        204,
		"HTTP/1.1 200\r\ncontent-length:0":                                               200,
		"HTTP/1.1 299 \r\nX_y-z: : \r\ncontent-length: \t0 ":                             299,
		"HTTP/1.1 202 Accepted":                                                          0, // to the end of the connection
		"HTTP/1.1 202 Accepted\r\nContent-Length: 1":                                     0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 00":                                    0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nContent-Length: 5":                0,
		"HTTP/1.1 204 No\r\nContent-Length: 5":                                           0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nTransfer-Encoding: chunked":       0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nTransfer-Encoding : chunked":      0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n Transfer-Encoding: chunked":      0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close":                0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nUpgrade: h2c":                     0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nce-id: 1":                         0,
		"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nx: a\nTransfer-Encoding: chunked": 0,
		"HTTP/1.0 202 Accepted\r\nContent-Length: 0":                                     0,
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0":                                    0,
		"HTTP/1.1 2x2 A\r\nContent-Length: 0":                                            0,
		"HTTP/1.1 2022 A\r\nContent-Length: 0":                                           0,
		"":                                                                               0,
	} {
		if got := plainAnswer([]byte(head)); got != want {
			t.Errorf("%q: got %d", head, got)
		}
	}
}

// FuzzPlainAnswer: what is taken for plain, net/http reads the same.
func FuzzPlainAnswer(f *testing.F) {
	f.Add("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nDate: x")
	f.Add("HTTP/1.1 204 No Content")
	f.Fuzz(func(t *testing.T, head string) {
		status := plainAnswer([]byte(head))
		if status == 0 || strings.Contains(head+"\r\n", "\r\n\r\n") {
			return
		}
		br := bufio.NewReader(strings.NewReader(head + "\r\n\r\n"))
		resp, err := http.ReadResponse(br, asked)
		if err != nil {
			return // net/http is stricter about values than we, who do not use them
		}
		if resp.StatusCode != status || resp.ContentLength != 0 || resp.Close || br.Buffered() > 0 {
			t.Errorf("%q: net/http reads %+v", head, resp)
		}
	})
}

func TestPost_DoesNotKeepAConnectionThatSaysTooMuch(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, strings.Repeat("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 2))
			defer c.Close()
		}
	}()
	c := New(Config{})
	defer c.Close()
	to, err := c.Target(contract.Destination{URL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second needs a connection of its own
		if a, err := to.Post(t.Context(), event(), "", 0); err != nil || a.Status != 202 {
			t.Fatalf("got %+v, %v", a, err)
		}
	}
	_ = l.Close()
	<-done
}

// TestPost_DoesNotTakeIdleTalkForAnAnswer: a server says something to an idle
// connection, as some do before they close it; the next event goes elsewhere.
func TestPost_DoesNotTakeIdleTalkForAnAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	spoke, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
			if i == 0 {
				time.Sleep(2 * restAfter) // it has to be idle first
				_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
				close(spoke)
			}
		}
	}()
	c := New(Config{})
	defer c.Close()
	to, err := c.Target(contract.Destination{URL: "http://" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if a, err := to.Post(t.Context(), event(), "", 0); err != nil || a.Status != 202 {
			t.Fatalf("got %+v, %v", a, err)
		}
		if i == 0 {
			<-spoke
		}
	}
	_ = l.Close()
	<-done
}
