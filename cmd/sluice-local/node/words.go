package node

import (
	"context"
	"io"
	"os"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

const (
	maxWords     = 4096 // bytes of a termination message
	maxLogWords  = 2048 // bytes of one taken from the log
	maxLogOfLast = 80   // lines of one taken from the log
)

// lastWords is a container's termination message: what it wrote to its file or,
// if it failed without and its policy says so, the end of its log.
func (r *run) lastWords(exit shim.Exit) string {
	words := head(r.words, maxWords)
	if words != "" || exit.Code == 0 || r.policy != corev1.TerminationMessageFallbackToLogsOnError {
		return words
	}
	var b strings.Builder
	if err := crilog.Read(context.Background(), r.logPath, crilog.Query{Tail: maxLogOfLast}, &b); err != nil {
		return ""
	}
	text := b.String()
	return text[max(0, len(text)-maxLogWords):]
}

// head is the beginning of a file; empty if there is none.
func head(path string, size int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, size))
	if err != nil {
		return ""
	}
	return string(data)
}
