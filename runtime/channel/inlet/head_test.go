package inlet

import (
	"bufio"
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const plainRequest = "POST / HTTP/1.1\r\nHost: a.b\r\nContent-Type: text/plain\r\nce-id: 1\r\nContent-Length: 2\r\n\r\nhi"

var requests = map[string]bool{ // whether they are plain
	plainRequest: true,
	"POST /shop/default HTTP/1.1\r\nhost: a:80\r\ncontent-length: 0\r\nx-own-header: \t a b \t\r\nconnection: Keep-Alive\r\n\r\n": true,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nCe-Id: 1\r\nCe-Id: 2\r\n\r\nx":                                            true,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n":                                                                         false, // not whole
	"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                                                      false,
	"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                                                     false,
	"POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                                             false,
	"POST //x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                                                   false,
	"POST /%41 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                                                  false,
	"POST /?q HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":                                                                   false,
	"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n":                                                                                false,
	"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n":                                                          false,
	"POST / HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n":                                                                   false,
	"POST / HTTP/1.1\r\nHost: a\r\n\r\n":                                                                                          false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx":                                               false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx":                                                                   false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nx":                                                                     false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1111111111\r\n\r\nx":                                                           false,
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n":                              false,
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n":                             false,
	"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx":                                            false,
	"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx":                                               false,
	"POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx":                                                    false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nfolded: a\r\n b\r\n\r\nx":                                                 false,
	"POST / HTTP/1.1\r\nHost: a\nContent-Length: 1\r\n\r\nx":                                                                      false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nbad: a\x01b\r\n\r\nx":                                                     false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nno colon\r\n\r\nx":                                                        false,
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n: none\r\n\r\nx":                                                          false,
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                                                            false,
}

func TestHead_KnowsWhatIsPlain(t *testing.T) {
	h := head{header: http.Header{}}
	for raw, plain := range requests {
		if got := h.parse([]byte(raw)); got != plain {
			t.Errorf("%q: got %v", raw, got)
		}
		if plain {
			sameAsNetHTTP(t, &h, []byte(raw))
		}
	}
}

// sameAsNetHTTP compares what was read with what net/http reads.
func sameAsNetHTTP(t *testing.T, h *head, raw []byte) {
	t.Helper()
	rest := bufio.NewReader(bytes.NewReader(raw))
	r, err := http.ReadRequest(rest)
	if err != nil {
		t.Fatalf("%q: net/http says %v", raw, err)
	}
	want := maps.Clone(r.Header)
	if have := r.Header["Content-Length"]; len(have) == 0 {
		want["Content-Length"] = h.header["Content-Length"] // net/http keeps it elsewhere in some versions
	}
	if r.Host != h.host || r.URL.Path != h.path || r.URL.RawQuery != "" || r.ContentLength != int64(h.length) || len(r.TransferEncoding) > 0 || r.Close {
		t.Errorf("%q: net/http has %+v, we %+v", raw, r, h)
	}
	if !maps.EqualFunc(want, h.header, slices.Equal[[]string]) {
		t.Errorf("%q: net/http has %v, we %v", raw, want, h.header)
	}
	if end := len(raw) - rest.Buffered(); len(raw) < 4096 && end != h.size {
		t.Errorf("%q: net/http reads %d bytes, we %d", raw, end, h.size)
	}
}

func FuzzHead(f *testing.F) {
	for raw := range requests {
		f.Add([]byte(raw))
	}
	h := head{header: http.Header{}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if h.parse(raw) {
			sameAsNetHTTP(t, &h, raw)
		}
	})
}

func BenchmarkHead(b *testing.B) {
	raw := []byte(strings.Replace(plainRequest, "ce-id: 1", "ce-id: 1\r\nce-specversion: 1.0\r\nce-source: /s\r\nce-type: t\r\nce-time: 2026-01-02T03:04:05Z", 1))
	h := head{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if !h.parse(raw) {
			b.Fatal("not plain")
		}
	}
}
