package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
)

// File is a memory in a file of that path, as JSON.
type File string

// Recall reads what was remembered; a file that is not there is nothing.
func (f File) Recall(context.Context) (map[string]string, error) {
	values := map[string]string{}
	b, err := os.ReadFile(string(f))
	if errors.Is(err, os.ErrNotExist) {
		return values, nil
	}
	if err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	if err := json.Unmarshal(b, &values); err != nil {
		return nil, fmt.Errorf("memory: %s: %w: delete it to begin anew", f, err)
	}
	return values, nil
}

// Remember writes values beside what was remembered before. It writes another
// file and renames it, so that a half-written one is never read.
func (f File) Remember(ctx context.Context, values map[string]string) error {
	all, err := f.Recall(ctx)
	if err != nil {
		return err
	}
	maps.Copy(all, values)
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	beside := string(f) + ".new"
	if err := os.WriteFile(beside, b, 0o600); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	if err := os.Rename(beside, string(f)); err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	return nil
}
