package crilog

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Query is what of a log is asked for. The zero value asks for all of it.
type Query struct {
	// Live follows this log until it is closed or the context ends; nil does not.
	Live *Log
	// Tail is how many of the last lines to begin with; negative is all.
	Tail int64
	// Since leaves out older lines.
	Since time.Time
	// Timestamps begins each line with its time.
	Timestamps bool
	// LimitBytes ends the output; 0 is no limit.
	LimitBytes int64
	// Stream is stdout or stderr; empty is both.
	Stream string
	// Flush is called when there is nothing more to write for now.
	Flush func()
}

// Read writes the log at path to w.
func Read(ctx context.Context, path string, q Query, w io.Writer) error {
	out := &printer{w: w, q: q, left: q.LimitBytes}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	old, err := os.Open(path + RotatedSuffix)
	switch {
	case err == nil:
		defer old.Close()
		err = printOld(old, file, q.Tail, out)
	case os.IsNotExist(err) && q.Tail >= 0:
		_, err = seekTail(file, q.Tail)
	case os.IsNotExist(err):
		err = nil
	}
	if err == nil {
		err = follow(ctx, &file, path, q, out)
	}
	if errors.Is(err, errLimit) {
		return nil
	}
	return err
}

// printOld prints what of the older part belongs to the tail, and leaves the
// newer file where printing is to go on.
func printOld(old, file *os.File, tail int64, out *printer) error {
	if tail >= 0 {
		found, err := seekTail(file, tail)
		if err != nil || found >= tail {
			return err
		}
		if _, err := seekTail(old, tail-found); err != nil {
			return err
		}
	}
	return out.all(bufio.NewReader(old))
}

// seekTail positions f at its nth line from the end, and says how many it has
// from there.
func seekTail(f *os.File, n int64) (int64, error) {
	const block = 64 << 10
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	var found int64
	buf := make([]byte, block)
	for pos := end; pos > 0; {
		size := min(pos, block)
		pos -= size
		if _, err := f.ReadAt(buf[:size], pos); err != nil {
			return 0, err
		}
		for i := size - 1; i >= 0; i-- {
			if buf[i] != '\n' || pos+i == end-1 {
				continue
			}
			if found++; found == n {
				_, err := f.Seek(pos+i+1, io.SeekStart)
				return n, err
			}
		}
	}
	if n == 0 || end == 0 {
		return 0, nil // at the end
	}
	_, err = f.Seek(0, io.SeekStart)
	return found + 1, err
}

// follow prints to the end of the file and, if the log lives, waits for more.
func follow(ctx context.Context, file **os.File, path string, q Query, out *printer) error {
	in := bufio.NewReader(*file)
	for {
		var changed <-chan struct{}
		over := true
		if q.Live != nil {
			changed, over = q.Live.watch()
		}
		next, err := replaced(*file, path)
		if err != nil {
			return err
		}
		if err := out.all(in); err != nil {
			return err
		}
		if next != nil {
			_ = (*file).Close()
			*file = next
			in.Reset(next)
			continue
		}
		if over {
			return nil
		}
		if q.Flush != nil {
			q.Flush()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// replaced opens what stands at path if that is no longer file.
func replaced(file *os.File, path string) (*os.File, error) {
	a, err := file.Stat()
	if err != nil {
		return nil, err
	}
	b, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil, nil // in the middle of a rotation, or deleted
	}
	if err != nil || os.SameFile(a, b) {
		return nil, err
	}
	return os.Open(path)
}

var errLimit = errors.New("limit reached")

// printer writes entries as the query wants them.
type printer struct {
	w    io.Writer
	q    Query
	left int64
	rest []byte // the beginning of an entry whose end is not written yet
}

// all prints the complete entries that in holds.
func (p *printer) all(in *bufio.Reader) error {
	for {
		part, err := in.ReadSlice('\n')
		p.rest = append(p.rest, part...)
		switch {
		case err == nil:
			if err := p.print(p.rest); err != nil {
				return err
			}
			p.rest = p.rest[:0]
		case errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// print writes one entry; what is no entry is left out.
func (p *printer) print(entry []byte) error {
	stamp, rest, ok1 := bytes.Cut(entry, []byte{' '})
	stream, rest, ok2 := bytes.Cut(rest, []byte{' '})
	tag, text, ok3 := bytes.Cut(rest, []byte{' '})
	if !ok1 || !ok2 || !ok3 || p.q.Stream != "" && string(stream) != p.q.Stream {
		return nil
	}
	if !p.q.Since.IsZero() {
		at, err := time.Parse(time.RFC3339Nano, string(stamp))
		if err != nil || at.Before(p.q.Since) {
			return nil
		}
	}
	if string(tag) == "P" {
		text = bytes.TrimSuffix(text, []byte{'\n'})
	}
	if p.q.Timestamps {
		text = append(append(append([]byte{}, stamp...), ' '), text...)
	}
	return p.limited(text)
}

func (p *printer) limited(text []byte) error {
	if p.q.LimitBytes == 0 {
		_, err := p.w.Write(text)
		return err
	}
	n := min(p.left, int64(len(text)))
	p.left -= n
	if _, err := p.w.Write(text[:n]); err != nil {
		return err
	}
	if p.left == 0 {
		return errLimit
	}
	return nil
}
