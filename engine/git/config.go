package git

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says which repository is read, and how.
type Config struct {
	// URL is https://host/path, ssh://user@host/path, user@host:path, or the
	// path (also file:///path) of a bare or non-bare repository on this
	// machine. A user and password inside it are used and never shown.
	URL string
	// Branch is the trusted branch. Default: main.
	Branch string
	// Dir is a folder of our own for the bare clone of a remote, kept over
	// restarts. Default: none, the clone is held in memory. A repository on
	// this machine needs none.
	Dir string
	// Poll is how often a remote is asked for news; a random tenth is taken
	// off or added, and after a change it is asked more often for a while.
	// A repository on this machine is watched, and polled only in case a
	// notice got lost. Default: 30 s.
	Poll time.Duration
	// Auth says who we are for a remote, and how we know the remote.
	Auth Auth
	// Limits bound what a commit may hold.
	Limits Limits
	// Log hears of what an operator acts on. Default: nobody.
	Log *slog.Logger
}

// Auth names the files with the credentials. They are read again for each
// connection, so that a rotated secret needs no restart.
type Auth struct {
	// Username goes with the password. Default: the URL's, else `git`.
	Username string
	// PasswordFile holds a password or an access token, for https.
	PasswordFile string
	// BearerFile holds a token that is sent as `Authorization: Bearer`.
	BearerFile string
	// AllowCleartext lets credentials travel over http:// to a machine other
	// than this one. Default: refused.
	AllowCleartext bool
	// CAFile holds PEM certificates that are trusted for https in addition to
	// the system's.
	CAFile string
	// SSHKeyFile holds a private key in PEM or OpenSSH form.
	SSHKeyFile string
	// SSHPassphraseFile holds the passphrase of the key, if it has one.
	SSHPassphraseFile string
	// KnownHostsFile holds the host keys in the form of ~/.ssh/known_hosts. It
	// is required for ssh: a host that it does not name is not talked to.
	KnownHostsFile string
}

// Limits bound what is listed, read and fetched. A zero field means its
// default.
type Limits struct {
	// Blob is the size in bytes up to which [Repository.Blob] reads a file. A
	// larger one is listed with its size. Default: 1 MiB.
	Blob int64
	// Files is how many files a tree may list. Default: 20,000.
	Files int
	// Total is how many bytes the files within Blob may have together.
	// Default: 256 MiB.
	Total int64
	// Depth is how deep folders may nest. Default: 64.
	Depth int
	// Path is how many bytes a path may have. Default: 1,024.
	Path int
	// Object is the size in bytes, uncompressed, of the largest object that is
	// accepted from a remote; above it the fetch fails. Default: 256 MiB.
	Object int64
	// Fetch is how many bytes one fetch may receive. Default: 512 MiB.
	Fetch int64
}

func (c Config) withDefaults() Config {
	c.Branch = cmp.Or(c.Branch, "main")
	c.Poll = cmp.Or(c.Poll, 30*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	return c
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Blob:   cmp.Or(l.Blob, 1<<20),
		Files:  cmp.Or(l.Files, 20_000),
		Total:  cmp.Or(l.Total, 256<<20),
		Depth:  cmp.Or(l.Depth, 64),
		Path:   cmp.Or(l.Path, 1024),
		Object: cmp.Or(l.Object, 256<<20),
		Fetch:  cmp.Or(l.Fetch, 512<<20),
	}
}

func (c Config) validate() error {
	if !validBranch(c.Branch) {
		return fmt.Errorf("branch %q: not a name that Git allows for a branch", c.Branch)
	}
	if c.Poll < 0 {
		return errors.New("poll interval: must not be negative")
	}
	l := c.Limits
	if min(l.Blob, int64(l.Files), l.Total, int64(l.Depth), int64(l.Path), l.Object, l.Fetch) < 0 {
		return errors.New("limits: must not be negative")
	}
	return nil
}
