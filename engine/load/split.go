package load

import "bytes"

// chunk is the text of one YAML document, with its marker line if it has one.
type chunk struct {
	text []byte
	// line is the file's line, from 1, that the chunk begins in.
	line int
}

// split cuts a YAML stream where YAML cuts it: a line that begins with `---`
// opens a document wherever it stands, even in the midst of a quoted text,
// and `...` ends one. So a document that does not parse never harms the next.
func split(data []byte) []chunk {
	var chunks []chunk
	start, startLine, line := 0, 1, 0
	marked, empty := false, true
	cut := func(at, nextLine int) {
		if !empty {
			chunks = append(chunks, chunk{data[start:at], startLine})
		}
		start, startLine, marked, empty = at, nextLine, false, true
	}
	for at := 0; at < len(data); {
		line++
		end := at + 1 + bytes.IndexByte(data[at:], '\n')
		if end == at {
			end = len(data)
		}
		text := data[at:end]
		switch {
		case isMarker(text, "---"):
			if marked || !empty {
				cut(at, line)
			}
			marked, empty = true, isBlank(text[3:])
		case isMarker(text, "..."):
			cut(end, line+1)
		case !isBlank(text) && (marked || text[0] != '%'):
			empty = false
		}
		at = end
	}
	cut(len(data), line+1)
	return chunks
}

// isMarker reports whether the line is the marker, alone or before a blank.
func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// isBlank reports whether a line holds nothing but blanks and a comment.
func isBlank(line []byte) bool {
	text := bytes.TrimLeft(line, " \t\r\n")
	return len(text) == 0 || text[0] == '#'
}
