package crilog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The streams of a container.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

const (
	// MaxSize is where a file is rotated.
	MaxSize = 10 << 20
	// maxLine is where a line is split, as container runtimes do.
	maxLine = 16 << 10
	// RotatedSuffix names the one older part that is kept.
	RotatedSuffix = ".1"
)

// Log is the file of one run of one container.
type Log struct {
	path string
	max  int64

	mu      sync.Mutex // guards the below
	file    *os.File
	size    int64
	changed chan struct{}
	closed  bool
}

// Create makes the file, and its directories. The bound of 0 is MaxSize.
func Create(path string, bound int64) (*Log, error) {
	if bound == 0 {
		bound = MaxSize
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Log{path: path, max: bound, file: f, changed: make(chan struct{})}, nil
}

// Copy logs everything that r yields under the name of a stream. It returns
// when r ends.
func (l *Log) Copy(stream string, r io.Reader) error {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			if werr := l.write(time.Now(), stream, line); werr != nil {
				return werr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (l *Log) write(now time.Time, stream string, line []byte) error {
	tag := "P"
	if line[len(line)-1] == '\n' {
		tag, line = "F", line[:len(line)-1]
	}
	entry := fmt.Appendf(nil, "%s %s %s %s\n", now.UTC().Format(time.RFC3339Nano), stream, tag, line)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return os.ErrClosed
	}
	if l.size > 0 && l.size+int64(len(entry)) > l.max {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(entry)
	l.size += int64(n)
	l.wake()
	return err
}

func (l *Log) rotate() error {
	if err := os.Rename(l.path, l.path+RotatedSuffix); err != nil {
		return err
	}
	f, err := os.Create(l.path)
	if err != nil {
		return err
	}
	_ = l.file.Close()
	l.file, l.size = f, 0
	return nil
}

// wake tells followers to look again.
func (l *Log) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// Close ends the log; followers read what is left and end too.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	l.wake()
	return l.file.Close()
}

// watch returns a channel that is closed at the next change, and whether there
// can be one.
func (l *Log) watch() (changed <-chan struct{}, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed, l.closed
}
