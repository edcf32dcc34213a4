package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxHead bounds the head (or the trailers) of an answer, in bytes.
const maxHead = 1 << 20

// errHead is an answer that cannot be understood.
var errHead = errors.New("malformed answer")

// head is what an answer's head says about its body and its connection.
type head struct {
	code     int
	length   int64 // -1: not said
	chunked  bool
	reusable bool // the app keeps the connection open afterwards
	upgrade  string
	trailers []string
}

// readHead reads up to and including the empty line that ends a head. Each
// line keeps its end. An end of file before the first byte is io.EOF itself.
func readHead(br *bufio.Reader) (string, error) {
	for want := 1; ; {
		if _, err := br.Peek(want); err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				return readLongHead(br)
			}
			return "", partial(br, err)
		}
		b, _ := br.Peek(br.Buffered())
		if end := headEnd(b); end > 0 {
			s := string(b[:end])
			_, _ = br.Discard(end)
			return s, nil
		}
		want = len(b) + 1
	}
}

// partial makes the error of a head that broke off part way distinct from io.EOF.
func partial(br *bufio.Reader, err error) error {
	if br.Buffered() > 0 && !isTimeout(err) {
		return fmt.Errorf("%w: the head broke off: %w", errHead, err)
	}
	return err
}

// headEnd is the length of the head that b begins with, 0 if it is not whole.
func headEnd(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return 0
		}
		from += i + 1
		rest := b[from:]
		if len(rest) > 0 && rest[0] == '\n' {
			return from + 1
		}
		if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return from + 2
		}
	}
}

// readLongHead reads a head that does not fit the reader's buffer.
func readLongHead(br *bufio.Reader) (string, error) {
	var b []byte
	for {
		line, err := br.ReadSlice('\n')
		b = append(b, line...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		if len(b) > maxHead {
			return "", fmt.Errorf("%w: the head is larger than %d bytes", errHead, maxHead)
		}
		if err == nil && headEnd(b[max(0, len(b)-4):]) > 0 {
			return string(b), nil
		}
	}
}

// cutLine splits s after its first line, whose end is dropped.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// parseStatus reads the status line.
func parseStatus(s string) (code int, http11 bool, rest string, err error) {
	line, rest := cutLine(s)
	if len(line) < 12 || line[:7] != "HTTP/1." || (line[7] != '0' && line[7] != '1') || line[8] != ' ' || (len(line) > 12 && line[12] != ' ') {
		return 0, false, "", fmt.Errorf("%w: status line %.40q", errHead, line)
	}
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return 0, false, "", fmt.Errorf("%w: status line %.40q", errHead, line)
		}
		code = code*10 + int(c-'0')
	}
	if code < 100 {
		return 0, false, "", fmt.Errorf("%w: status line %.40q", errHead, line)
	}
	return code, line[7] == '1', rest, nil
}

// parseFields reads header lines into dst until the empty line.
func parseFields(s string, dst http.Header) error {
	values := make([]string, 0, strings.Count(s, "\n"))
	for {
		var line string
		if line, s = cutLine(s); line == "" {
			return nil
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok || !httpguts.ValidHeaderFieldName(key) {
			return fmt.Errorf("%w: header line %.60q", errHead, line)
		}
		value = strings.Trim(value, " \t")
		if !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("%w: value of header %s", errHead, key)
		}
		key = http.CanonicalHeaderKey(key)
		if have, twice := dst[key]; twice {
			dst[key] = append(have, value)
			continue
		}
		values = append(values, value)
		n := len(values)
		dst[key] = values[n-1 : n : n]
	}
}

// parseHead reads a final answer's head: what the client may see goes to dst,
// what concerns this connection alone to the head.
func parseHead(s string, method string, dst http.Header) (head, error) {
	code, http11, rest, err := parseStatus(s)
	if err != nil {
		return head{}, err
	}
	if err := parseFields(rest, dst); err != nil {
		return head{}, err
	}
	h := head{code: code, length: -1, upgrade: upgradeOf(dst)}
	h.reusable = http11 && !httpguts.HeaderValuesContainsToken(dst["Connection"], "close")
	h.trailers = declared(dst["Trailer"])
	if err := h.frame(dst, method, http11); err != nil {
		return head{}, err
	}
	stripHop(dst)
	return h, nil
}

// frame decides, as RFC 9112 section 6.3 says, how the body ends.
func (h *head) frame(dst http.Header, method string, http11 bool) error {
	if te := dst["Transfer-Encoding"]; len(te) > 0 {
		if !http11 || len(te) > 1 || !strings.EqualFold(te[0], "chunked") {
			return fmt.Errorf("%w: transfer encoding %q", errHead, te)
		}
		h.chunked = true
		if len(dst["Content-Length"]) > 0 { // two framings: believe the first, and neither afterwards
			delete(dst, "Content-Length")
			h.reusable = false
		}
	}
	if err := h.contentLength(dst); err != nil {
		return err
	}
	if method == http.MethodHead || h.code == http.StatusNoContent || h.code == http.StatusNotModified || h.code < 200 {
		h.length, h.chunked = 0, false
	}
	if h.length < 0 && !h.chunked {
		h.reusable = false // the body ends where the connection does
	}
	return nil
}

func (h *head) contentLength(dst http.Header) error {
	values := dst["Content-Length"]
	if len(values) == 0 {
		return nil
	}
	n, err := strconv.ParseUint(values[0], 10, 63)
	if err != nil {
		return fmt.Errorf("%w: content length %.40q", errHead, values[0])
	}
	for _, v := range values[1:] {
		if v != values[0] {
			return fmt.Errorf("%w: two content lengths", errHead)
		}
	}
	dst["Content-Length"] = values[:1]
	h.length = int64(n)
	return nil
}

// stripHop removes from an answer what belongs to the connection to the app.
func stripHop(dst http.Header) {
	for _, name := range nominated(dst) {
		delete(dst, name)
	}
	for key := range dst {
		if hopByHop(key) {
			delete(dst, key)
		}
	}
	if _, ok := dst["Content-Type"]; !ok {
		dst["Content-Type"] = nil // else net/http guesses one
	}
}
