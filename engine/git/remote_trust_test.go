package git

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRemote_BlobsBeyondTheLimitAreNotEvenSent(t *testing.T) {
	c := newClone(t)
	run(t, c.bare, "config", "uploadpack.allowFilter", "true")
	c.write("small", "small")
	large := make([]byte, 3<<20)
	for i := range large {
		large[i] = byte(i * i >> 7)
	}
	c.push("large", string(large))
	b, url := overHTTP(t, c)
	r := open(t, Config{URL: url})
	s := head(t, r)
	if e := entry(t, s, "large"); e.Size <= 1<<20 {
		t.Errorf("large counts as %d bytes", e.Size)
	}
	if _, err := r.Blob(t.Context(), entry(t, s, "large").Blob, 0); !errors.Is(err, ErrLimit) {
		t.Errorf("a blob that was not sent: %v", err)
	}
	if got := read(t, r, s, "small"); got != "small" {
		t.Errorf("read %q", got)
	}
	if n := b.sent.Load(); n > 20_000 {
		t.Errorf("%d bytes were sent", n)
	}
}

func TestRemote_LimitsHoldForWhatItSends(t *testing.T) {
	each(t, func(t *testing.T, c *clone, config Config) {
		c.push("a", strings.Repeat("a", 100_000))
		config.Limits.Object = 50_000
		_, err := open(t, config).Head(t.Context())
		if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "100000") {
			t.Errorf("large object: %v", err)
		}
		config.Limits = Limits{Fetch: 100}
		if config.Dir != "" {
			config.Dir = t.TempDir()
		}
		if _, err := open(t, config).Head(t.Context()); err == nil {
			t.Error("a fetch beyond the limit was accepted")
		}
	})
}

func TestRemote_PasswordIsUsedAndNeverShown(t *testing.T) {
	c := newClone(t)
	c.push("a", "a")
	b, url := overHTTP(t, c)
	b.user, b.password = "ada", "s3cr3t-pass"
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cr3t-pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	head(t, open(t, Config{URL: url, Auth: Auth{Username: "ada", PasswordFile: file}}))
	inURL := strings.Replace(url, "://", "://ada:s3cr3t-pass@", 1)
	log, text := recorder()
	r := open(t, Config{URL: inURL, Log: log, Poll: time.Millisecond})
	head(t, r)

	b.password = "changed"
	_, err := r.Head(t.Context())
	if !errors.Is(err, ErrAuth) {
		t.Errorf("wrong password: %v", err)
	}
	b.down.Store(true)
	_, down := r.Head(t.Context())
	b.Close()
	_, away := r.Head(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = r.Run(ctx)
	all := fmt.Sprint(err, down, away, r, text)
	if strings.Contains(all, "s3cr3t") || strings.Contains(all, "ada") {
		t.Errorf("credentials are shown: %s", all)
	}
	if !strings.Contains(text.String(), "level=WARN") || !strings.Contains(text.String(), "127.0.0.1") {
		t.Errorf("the log does not tell: %s", text)
	}
	if _, err := open(t, Config{URL: url}).Head(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("closed server: %v", err)
	}
}

func TestRemote_AsksForAPasswordThatIsMissing(t *testing.T) {
	c := newClone(t)
	b, url := overHTTP(t, c)
	b.user = "ada"
	if _, err := open(t, Config{URL: url}).Head(t.Context()); !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "who we are") {
		t.Errorf("%v", err)
	}
}

func TestRemote_TrustsOnlyTheGivenAuthority(t *testing.T) {
	c := newClone(t)
	hash := c.push("a", "a")
	b := newBackend(t, filepath.Dir(c.bare), (*httptest.Server).StartTLS)
	url := b.URL + "/repo.git"
	if _, err := open(t, Config{URL: url}).Head(t.Context()); !errors.Is(err, ErrHostKey) {
		t.Errorf("unknown authority: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: b.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	r := open(t, Config{URL: url, Auth: Auth{CAFile: ca}})
	if s := head(t, r); s.Commit.Hash != hash {
		t.Errorf("%+v", s)
	}
}
