package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// requests are plain or not; the fuzz test begins with them.
var requests = []struct {
	text  string
	plain bool
}{
	{hello, true},
	{"HEAD / HTTP/1.1\r\nHost: a.b:80\r\nX: \r\n\r\n", true},
	{"GET /a/b?c=d&e HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nAccept: */*\r\naccept: text/html\r\n\r\n", true},
	{"GET /a? HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"GET /a?? HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"GET //a HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"GET /a%2Fb%20c;d=(e)#f HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"DELETE /x HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n", true},
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", true},
	{"POST /x HTTP/1.1\r\nHost: a\r\n\r\n", true},
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", true},

	{"", false},
	{"GET /hello HTTP/1.1\r\nHost: a\r\n", false},                          // not whole
	{hello + hello, false},                                                 // more than one
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc", false}, // body not whole
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabc", false}, // more behind it
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", false},
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", false},
	{"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", false},
	{"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
	{"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", false},
	{"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", false},
	{"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n", false},
	{"GET /x HTTP/1.0\r\nHost: a\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\n\r\n", false}, // no host
	{"GET /x HTTP/1.1\r\nHost:\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a b\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", false}, // folded
	{"GET /x HTTP/1.1\r\n Host: a\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nX: y\x00\r\n\r\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nX: y\rZ: w\r\n\r\n", false},
	{"GET /x HTTP/1.1\nHost: a\n\n", false},
	{"GET /x HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n", false},
	{"GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"GET x HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"GET /x y HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"G(T /x HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{" /x HTTP/1.1\r\nHost: a\r\n\r\n", false},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false},
}

func parsed(b []byte) (*http.Request, bool) {
	r := &http.Request{Header: http.Header{}}
	return r, parse(b, r, new(url.URL))
}

func TestParse_OnlyWhatIsPlain(t *testing.T) {
	for _, c := range requests {
		if _, ok := parsed([]byte(c.text)); ok != c.plain {
			t.Errorf("%q: plain: %v, want %v", c.text, ok, c.plain)
		}
	}
}

// FuzzParse says that front and net/http can never understand a request differently.
func FuzzParse(f *testing.F) {
	for _, c := range requests {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ours, ok := parsed(b)
		if !ok {
			return
		}
		br := bufio.NewReader(bytes.NewReader(b))
		theirs, err := http.ReadRequest(br)
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", b, err)
		}
		body, _ := io.ReadAll(ours.Body)
		want, err := io.ReadAll(theirs.Body)
		if err != nil || !bytes.Equal(body, want) || br.Buffered() > 0 {
			t.Errorf("%q: body %q, net/http %q (%v), %d bytes left", b, body, want, err, br.Buffered())
		}
		if theirs.Close || len(theirs.TransferEncoding) > 0 || theirs.Trailer != nil {
			t.Errorf("%q: net/http sees more in it", b)
		}
		type seen struct {
			Method, URI, Proto, Host string
			Length                   int64
			URL                      url.URL
			Header                   http.Header
		}
		see := func(r *http.Request) seen {
			return seen{r.Method, r.RequestURI, r.Proto, r.Host, r.ContentLength, *r.URL, r.Header}
		}
		if a, b := see(ours), see(theirs); !reflect.DeepEqual(a, b) {
			t.Errorf("front %+v\nnet/http %+v", a, b)
		}
	})
}

func TestParse_StringsAreTheRequestsOwn(t *testing.T) {
	b := []byte("POST /hello?a HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 1\r\n\r\nz")
	r, ok := parsed(b)
	if !ok {
		t.Fatal("not plain")
	}
	copy(b, strings.Repeat("#", len(b)))
	body, _ := io.ReadAll(r.Body)
	if r.Method != "POST" || r.URL.Path != "/hello" || r.Host != "a" || r.Header.Get("X") != "y" || string(body) != "z" {
		t.Errorf("%+v %q", r, body)
	}
}
