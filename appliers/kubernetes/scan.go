package kubernetes

import "bytes"

// The API server's answers are cut and spliced as bytes: an object of a few
// kilobytes would else be decoded into hundreds of maps and encoded again only
// to lose its managedFields. The functions here trust nothing: on bytes that
// are no JSON they find nothing.

// span is where a member of a JSON object stands: key is the opening quote of
// its name, from and to bound its value.
type span struct{ key, from, to int }

// member finds a key in the JSON object that begins at or after at.
func member(b []byte, at int, key string) (span, bool) {
	i := space(b, at)
	if i >= len(b) || b[i] != '{' {
		return span{}, false
	}
	i = space(b, i+1)
	for i < len(b) && b[i] == '"' {
		nameEnd := text(b, i)
		colon := space(b, nameEnd)
		if colon >= len(b) || b[colon] != ':' {
			return span{}, false
		}
		from := space(b, colon+1)
		to := value(b, from)
		if to <= from {
			return span{}, false
		}
		if nameEnd-i == len(key)+2 && string(b[i+1:nameEnd-1]) == key {
			return span{i, from, to}, true
		}
		i = space(b, to)
		if i >= len(b) || b[i] != ',' {
			return span{}, false
		}
		i = space(b, i+1)
	}
	return span{}, false
}

// lookup follows keys from the outermost object inwards.
func lookup(b []byte, keys ...string) (span, bool) {
	at, found := span{}, false
	for _, key := range keys {
		if at, found = member(b, at.from, key); !found {
			return span{}, false
		}
	}
	return at, found
}

// without copies b, leaving the member at the end of the path out.
func without(b []byte, keys ...string) []byte {
	at, found := lookup(b, keys...)
	if !found {
		return bytes.Clone(b)
	}
	from, to := at.key, at.to
	if next := space(b, to); next < len(b) && b[next] == ',' {
		to = space(b, next+1)
	} else if before := bytes.TrimRight(b[:from], " \t\r\n"); len(before) > 0 && before[len(before)-1] == ',' {
		from = len(before) - 1
	}
	out := make([]byte, 0, len(b)-(to-from))
	return append(append(out, b[:from]...), b[to:]...)
}

// prepend copies b with members put first into the object at the end of the
// path. It gives nil if there is no object there.
func prepend(b []byte, members string, keys ...string) []byte {
	from := space(b, 0)
	if len(keys) > 0 {
		at, found := lookup(b, keys...)
		if !found {
			return nil
		}
		from = at.from
	}
	if from >= len(b) || b[from] != '{' {
		return nil
	}
	out := make([]byte, 0, len(b)+len(members)+1)
	out = append(append(out, b[:from+1]...), members...)
	if next := space(b, from+1); next < len(b) && b[next] != '}' {
		out = append(out, ',')
	}
	return append(out, b[from+1:]...)
}

// space is the first index at or after i that is not white.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// text is the index behind the string that begins at i.
func text(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// value is the index behind the JSON value that begins at i.
func value(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = text(b, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return i
}
