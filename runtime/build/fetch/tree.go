package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Tree is `sluice build git --tree`: a tree of the platform's own repository.
type Tree struct {
	// From is the engine's URL, Hash the tree, Target the folder to fill.
	From, Hash, Target string
	// TokenFile says who asks.
	TokenFile string
	// Limit is the size in bytes from which on all files together are too large.
	// Default [contract.SourceLimit].
	Limit int64
	// Patience is how long an engine may be away. Default 60 s.
	Patience time.Duration
	// Say tells people what is going on.
	Say func(format string, args ...any)
}

// Run fetches, and asks again while nobody answers.
func (t Tree) Run(ctx context.Context) error {
	if t.Patience <= 0 {
		t.Patience = time.Minute
	}
	deadline := time.Now().Add(t.Patience)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := t.once(ctx)
		var again *againError
		if err == nil || !errors.As(err, &again) || time.Now().Add(wait).After(deadline) {
			return err
		}
		t.Say("%v; asking again", err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// againError is what another try may mend: an engine that is being replaced,
// or that has not read the commit yet.
type againError struct{ error }

func (e *againError) Unwrap() error { return e.error }

func (t Tree) once(ctx context.Context) error {
	token, err := os.ReadFile(t.TokenFile)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.From+contract.PathSource+t.Hash, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &againError{fmt.Errorf("the engine does not answer: %w", err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 500)) // the status says enough
		err := fmt.Errorf("tree %s: %s: %s", t.Hash, resp.Status, strings.TrimSpace(string(text)))
		if resp.StatusCode == http.StatusUnauthorized {
			return err
		}
		return &againError{err}
	}
	return t.unpack(resp.Body)
}

func (t Tree) unpack(r io.Reader) error {
	out, err := openFiles(t.Target, t.Limit)
	if err != nil {
		return err
	}
	defer out.close()
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			t.Say("tree %s: %d files, %d bytes", t.Hash, out.count, out.bytes)
			return nil
		}
		if err != nil {
			return &againError{fmt.Errorf("the source was cut off: %w", err)}
		}
		if h.Typeflag == tar.TypeSymlink {
			err = out.link(h.Name, h.Linkname)
		} else {
			err = out.file(h.Name, h.Mode&0o100 != 0, in, h.Size)
		}
		if err != nil {
			return err
		}
	}
}
