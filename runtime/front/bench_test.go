package front

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// answering serves as an app does that answers with little.
func answering(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Content-Type"], h["Content-Length"] = []string{"text/plain"}, []string{"13"}
	_, _ = io.WriteString(w, "Hello, World!")
}

// BenchmarkServer is a request and its answer over a kept connection, beside
// net/http: the client's part, a write and a read, is in it.
func BenchmarkServer(b *testing.B) {
	type server interface {
		Serve(net.Listener) error
		Close() error
	}
	for name, build := range map[string]func(*http.Server) server{
		"front":    func(s *http.Server) server { return New(s) },
		"net-http": func(s *http.Server) server { return s },
	} {
		b.Run(name, func(b *testing.B) {
			s := build(&http.Server{Handler: http.HandlerFunc(answering)})
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			go func() { _ = s.Serve(ln) }()
			defer s.Close()
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) { ask(b, ln.Addr().String(), pb) })
		})
	}
}

// ask sends requests one by one and reads as little of the answers as it can.
func ask(b *testing.B, addr string, pb *testing.PB) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Error(err)
		return
	}
	defer nc.Close()
	br := bufio.NewReader(nc)
	for pb.Next() {
		if _, err := io.WriteString(nc, "GET /hello HTTP/1.1\r\nHost: hello.default.localhost\r\nUser-Agent: bench\r\n\r\n"); err != nil {
			b.Error(err)
			return
		}
		for last := byte(0); last != '!'; { // the answer's last byte
			if last, err = br.ReadByte(); err != nil {
				b.Error(err)
				return
			}
		}
	}
}
