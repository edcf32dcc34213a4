package front

import (
	"bufio"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// handlers are what an answer can be; each is compared with net/http's.
var handlers = map[string]http.HandlerFunc{
	"nothing": func(http.ResponseWriter, *http.Request) {},
	"small":   answering,
	"unknown": func(w http.ResponseWriter, _ *http.Request) { typed(w); _, _ = io.WriteString(w, "hi") },
	"status": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		w.WriteHeader(418)
		_, _ = io.WriteString(w, "tea")
	},
	"odd":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) },
	"none":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
	"same":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", "x"); w.WriteHeader(304) },
	"twice": func(w http.ResponseWriter, _ *http.Request) { typed(w); w.WriteHeader(201); w.WriteHeader(202) },
	"late": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		w.WriteHeader(200)
		w.Header().Set("Late", "1")
	},
	"cookies": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		w.Header()["Set-Cookie"] = []string{"a=b", "c=d"}
	},
	"splits": func(w http.ResponseWriter, _ *http.Request) { typed(w); w.Header().Set("X", "a\r\nEvil: yes") },
	"date":   func(w http.ResponseWriter, _ *http.Request) { typed(w); w.Header().Set("Date", "then") },
	"close":  func(w http.ResponseWriter, _ *http.Request) { typed(w); w.Header().Set("Connection", "close") },
	"large": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	},
	"announced": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		w.Header().Set("Content-Length", "100000")
		for range 10 {
			_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
		}
	},
	"pieces": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		for range 3 {
			_, _ = io.WriteString(w, "piece")
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.WriteString(w, strings.Repeat("y", 5000))
		_, _ = io.WriteString(w, "end")
	},
	"flushed head": func(w http.ResponseWriter, _ *http.Request) { typed(w); _ = http.NewResponseController(w).Flush() },
	"too much": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		w.Header().Set("Content-Length", "2")
		if _, err := io.WriteString(w, "abc"); err != http.ErrContentLength {
			panic(err)
		}
		_, _ = io.WriteString(w, "ab")
	},
	"trailers": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		w.Header().Set("Trailer", "Sum, Other")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("Sum", "1")
	},
	"unannounced trailers": func(w http.ResponseWriter, _ *http.Request) {
		typed(w)
		_, _ = io.WriteString(w, "body")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"Sum", "1")
	},
	"body": func(w http.ResponseWriter, r *http.Request) { typed(w); _, _ = io.Copy(w, r.Body) },
}

// typed sets a type, which front does not guess.
func typed(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain") }

// heard is all of an answer that a client can see.
type heard struct {
	Status  string
	Header  http.Header
	Body    string
	Trailer http.Header
	Length  int64
	Coding  []string
	Err     error
	Ends    bool // the connection
}

func TestAnswer_AsNetHTTP(t *testing.T) {
	asks := map[string]string{
		"GET":  hello,
		"HEAD": "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
	}
	for name, h := range handlers {
		for method, ask := range asks {
			t.Run(name+" "+method, func(t *testing.T) {
				hear := func(s server) heard {
					c := dial(t, run(t, s))
					c.say(ask)
					res, body, err := c.hear(method)
					if res.Header.Get("Date") == "" {
						t.Error("no Date")
					}
					delete(res.Header, "Date")
					got := heard{res.Status, res.Header, body, res.Trailer, res.ContentLength, res.TransferEncoding, err, res.Close}
					if !got.Ends && err == nil { // it serves another, and with the first left no trace
						c.say(hello)
						if again, _, _ := c.hear("GET"); again.StatusCode != res.StatusCode {
							t.Error("again: ", again.Status)
						}
					} else if !c.ended() {
						t.Error("the connection was to end")
					}
					return got
				}
				front := New(&http.Server{Handler: h})
				if a, b := hear(front), hear(&http.Server{Handler: h}); !reflect.DeepEqual(a, b) {
					t.Errorf("front    %+v\nnet/http %+v", a, b)
				}
			})
		}
	}
}

func TestAnswer_InformationalComesBefore(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		typed(w)
		_, _ = io.WriteString(w, "hi")
	})
	c := dial(t, addr)
	c.say(hello)
	early, _, _ := c.hear("GET")
	res, body, _ := c.hear("GET")
	if early.StatusCode != 103 || early.Header.Get("Link") == "" || res.StatusCode != 200 || body != "hi" {
		t.Errorf("%v, then %v %q", early, res, body)
	}
}

func TestAnswer_LessThanAnnouncedEndsTheConnection(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "short")
	})
	c := dial(t, addr)
	c.say(hello)
	if _, body, err := c.hear("GET"); body != "short" || err != io.ErrUnexpectedEOF {
		t.Errorf("%q, %v", body, err)
	}
}

func TestAnswer_ADeadHandlerEndsTheConnection(t *testing.T) {
	_, addr := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "part")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	c := dial(t, addr)
	c.say(hello)
	if _, body, err := c.hear("GET"); body != "part" || err != io.ErrUnexpectedEOF {
		t.Errorf("%q, %v", body, err)
	}
}

func TestAnswer_APartGoesOutWhenItIsFlushed(t *testing.T) {
	proceed := make(chan struct{})
	_, addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		typed(w)
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-proceed
		_, _ = io.WriteString(w, "second\n")
	})
	c := dial(t, addr)
	c.say(hello)
	res, err := http.ReadResponse(c.br, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "first" {
		t.Fatal(lines.Text(), lines.Err())
	}
	close(proceed)
	if !lines.Scan() || lines.Text() != "second" {
		t.Error(lines.Text(), lines.Err())
	}
}
