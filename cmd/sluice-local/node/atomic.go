package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// dataLink is the link that makes all files of a payload change at once:
// name -> ..data/name, ..data -> ..2026_01_02...
const dataLink = "..data"

// writePayload makes dir hold exactly the payload, in one step for every reader.
// It does nothing if dir holds it already.
func writePayload(dir string, p payload, now time.Time) error {
	for name := range p {
		if !filepath.IsLocal(name) || strings.HasPrefix(name, "..") {
			return fmt.Errorf("%q: a file of a volume must lie below it", name)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := os.Readlink(filepath.Join(dir, dataLink))
	if err == nil && holds(filepath.Join(dir, old), p) {
		return nil
	}
	stamp, err := os.MkdirTemp(dir, now.UTC().Format("..2006_01_02_15_04_05."))
	if err != nil {
		return err
	}
	if err := fill(stamp, p); err != nil {
		return errors.Join(err, os.RemoveAll(stamp))
	}
	if err := swap(dir, filepath.Base(stamp)); err != nil {
		return err
	}
	if err := link(dir, p); err != nil {
		return err
	}
	if old != "" {
		return os.RemoveAll(filepath.Join(dir, old))
	}
	return nil
}

func fill(dir string, p payload) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for name, f := range p {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, f.data, 0o600); err != nil {
			return err
		}
		if err := os.Chmod(full, fs.FileMode(f.mode)&fs.ModePerm); err != nil {
			return err
		}
	}
	return nil
}

func swap(dir, target string) error {
	temp := filepath.Join(dir, "..data_tmp")
	_ = os.Remove(temp)
	if err := os.Symlink(target, temp); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(dir, dataLink))
}

// link makes what a user sees: a link for each first part of a name.
func link(dir string, p payload) error {
	want := map[string]bool{}
	for name := range p {
		first, _, _ := strings.Cut(filepath.ToSlash(name), "/")
		want[first] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !want[e.Name()] && !strings.HasPrefix(e.Name(), "..") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	for name := range want {
		err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// holds says whether dir has exactly the files of the payload.
func holds(dir string, p payload) bool {
	same, count := true, 0
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, full)
		if err != nil {
			return err
		}
		want, ok := p[name]
		data, rerr := os.ReadFile(full)
		if !ok || rerr != nil || !bytes.Equal(data, want.data) {
			same = false
			return fs.SkipAll
		}
		count++
		return nil
	})
	return err == nil && same && count == len(p)
}
