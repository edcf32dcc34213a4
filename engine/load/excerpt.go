package load

import "bytes"

// Excerpt is the text of the document that stands at a line, from 1, of a
// file, without the marker that opens it; nil if there is none.
func Excerpt(data []byte, line int) []byte {
	from, to, found := document(data, line)
	if !found {
		return nil
	}
	return body(data[from:to])
}

// Replace puts text in the place of the document that stands at a line of a
// file; everything around it stays as it is. Line 0 adds it at the end.
func Replace(data []byte, line int, text []byte) []byte {
	from, to, found := document(data, line)
	if !found {
		out := bytes.TrimRight(data, "\n")
		if len(out) > 0 {
			out = append(bytes.Clone(out), "\n---\n"...)
		}
		return ended(append(out, text...))
	}
	head := data[from : to-len(body(data[from:to]))]
	out := bytes.Join([][]byte{data[:from], head, text}, nil)
	if to < len(data) {
		out = append(ended(out), data[to:]...)
	}
	return out
}

// document is where the document of a line begins and ends.
func document(data []byte, line int) (from, to int, found bool) {
	offset := len(data) - len(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	for _, c := range split(data[offset:]) {
		lines := bytes.Count(c.text, []byte("\n")) + 1
		if line < c.line {
			break
		}
		if from = bytes.Index(data[offset:], c.text) + offset; line < c.line+lines {
			return from, from + len(c.text), true
		}
		offset = from + len(c.text)
	}
	return 0, 0, false
}

// body is a document without the marker that opens it, and what stands before
// that, if nothing else stands in the marker's line.
func body(text []byte) []byte {
	for rest := text; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if isMarker(line, "---") {
			if isBlank(line[3:]) {
				return after
			}
			return text
		}
		if !isBlank(line) {
			return text
		}
		rest = after
	}
	return text
}

func ended(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return append(text, '\n')
	}
	return text
}
