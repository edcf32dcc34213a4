package up

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// maxLog is the size above which a log is put aside when the cluster starts.
const maxLog = 16 << 20

// openLog opens DIR/log/cluster.log, where Kubernetes and the node write.
func openLog(dir string) (*slog.Logger, *os.File, error) {
	dir = filepath.Join(dir, "log")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("log: %w", err)
	}
	path := filepath.Join(dir, "cluster.log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, nil, fmt.Errorf("log: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("log: %w", err)
	}
	return slog.New(slog.NewTextHandler(f, nil)), f, nil
}
