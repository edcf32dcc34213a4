package proxy

import (
	"bufio"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
)

// readTrailers reads what follows the last chunk: "" where there is nothing
// but the empty line, else the lines with their ends.
func readTrailers(br *bufio.Reader) (string, error) {
	b, err := br.Peek(1)
	if err != nil {
		return "", err
	}
	if b[0] == '\n' {
		_, err = br.Discard(1)
		return "", err
	}
	if b, err = br.Peek(2); err != nil {
		return "", err
	}
	if string(b) == "\r\n" {
		_, err = br.Discard(2)
		return "", err
	}
	return readHead(br)
}

// sendTrailers hands trailers to net/http: those announced under their own
// names, others under its prefix.
func sendTrailers(dst, got http.Header, announced []string) {
	for key, values := range got {
		switch {
		case !httpguts.ValidTrailerHeader(key):
		case slices.Contains(announced, key):
			dst[key] = values
		default:
			dst[http.TrailerPrefix+key] = values
		}
	}
}
