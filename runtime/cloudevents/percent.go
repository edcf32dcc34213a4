package cloudevents

import (
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// plainHeader tells whether a byte stands in a header value as itself: what is
// printable ASCII but the space, the double quote and the percent sign.
func plainHeader(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }

// appendHeaderValue writes a value as HTTP binding 3.1.3.2 wants it.
func appendHeaderValue(dst []byte, value string) []byte {
	for i := range len(value) {
		c := value[i]
		if plainHeader(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// headerValue is appendHeaderValue for those that need a string.
func headerValue(value string) string {
	for i := range len(value) {
		if !plainHeader(value[i]) {
			return string(appendHeaderValue(make([]byte, 0, len(value)+8), value))
		}
	}
	return value
}

// readHeaderValue undoes quotes, then one round of percent-encoding. A percent
// sign that two hex digits do not follow stands for itself, as those senders
// mean it that do not encode.
func readHeaderValue(name, raw string) (string, error) {
	value, err := unquote(name, strings.Trim(raw, " \t"))
	if err != nil {
		return "", err
	}
	if strings.IndexByte(value, '%') >= 0 {
		value = unpercent(value)
	}
	if !utf8.ValidString(value) {
		return "", badf("attribute %s: the value is not UTF-8 after percent-decoding", name)
	}
	return value, nil
}

func unpercent(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unquote undoes a quoted-string of RFC 7230. Where a quote is not closed at
// the very end it is taken for a part of the value.
func unquote(name, s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s, nil
	}
	in := s[1 : len(s)-1]
	if strings.IndexByte(in, '\\') < 0 {
		if strings.IndexByte(in, '"') >= 0 {
			return "", badf("attribute %s: a double quote within the quoted value %s lacks its backslash", name, s)
		}
		return in, nil
	}
	b := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '\\' && i+1 < len(in):
			i++
		case in[i] == '\\' || in[i] == '"':
			return "", badf("attribute %s: the quoted value %s does not end where it should", name, s)
		}
		b = append(b, in[i])
	}
	return string(b), nil
}
