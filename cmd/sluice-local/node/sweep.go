package node

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/shim"
)

// sweep removes what an earlier run of the node left: processes, which it finds
// by the mark in their environment, and the directories of pods.
func sweep(dir, pods string) error {
	shim.KillMarked(shim.Mark(dir))
	entries, err := os.ReadDir(pods)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		failed = append(failed, shim.Remove(filepath.Join(pods, e.Name())))
	}
	return errors.Join(failed...)
}
