package git

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// location is a Config's URL, taken apart.
type location struct {
	scheme         string // file, https, http, ssh
	user, password string
	host, port     string
	path           string
}

var (
	// helper transports such as ext::sh run programs.
	helper = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+.-]*::`)
	scp    = regexp.MustCompile(`^(?:([^@/\s]*)@)?(\[[0-9A-Fa-f:.]+\]|[^:/@\s\[\]]+):(.*)$`)
)

// parseLocation takes a URL or path apart. Its errors do not repeat what may
// hold a password.
func parseLocation(text string) (location, error) {
	l, err := splitLocation(text)
	if err != nil {
		return l, err
	}
	if err := l.check(); err != nil {
		return l, fmt.Errorf("%s: %w", l, err)
	}
	return l, nil
}

func splitLocation(text string) (location, error) {
	switch {
	case text == "":
		return location{}, errors.New("repository: no URL or path; give https://..., ssh://... or a folder")
	case strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return location{}, errors.New("repository: control characters in the URL")
	case helper.MatchString(text):
		scheme, _, _ := strings.Cut(text, "::")
		return location{}, fmt.Errorf("repository: transport %q is refused; use https or ssh", scheme)
	case strings.Contains(text, "://"):
		return splitURL(text)
	}
	if m := scp.FindStringSubmatch(text); m != nil {
		if _, err := os.Lstat(text); err != nil { // a folder may have a colon in its name
			return location{scheme: "ssh", user: m[1], host: strings.Trim(m[2], "[]"), path: m[3]}, nil
		}
	}
	path, err := filepath.Abs(text)
	return location{scheme: "file", path: path}, err
}

func splitURL(text string) (location, error) {
	u, err := url.Parse(text)
	if err != nil {
		return location{}, errors.New("repository: not a URL; escape special characters in the user and password, or move them to files")
	}
	l := location{scheme: u.Scheme, host: u.Hostname(), port: u.Port(), path: u.Path}
	if u.User != nil {
		l.user = u.User.Username()
		l.password, _ = u.User.Password()
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return l, fmt.Errorf("%s: a query or fragment (? or #) has no meaning here; remove it", l)
	}
	if l.scheme == "file" && l.host != "" && l.host != "localhost" {
		return l, fmt.Errorf("%s: a file URL names no machine; write file:///path", l)
	}
	return l, nil
}

func (l location) check() error {
	switch l.scheme {
	case "file", "https", "http", "ssh":
	default:
		return fmt.Errorf("transport %q is refused; use https, ssh or a path", l.scheme)
	}
	if l.path == "" || l.path == "/" {
		return errors.New("no path to a repository")
	}
	if l.scheme == "file" {
		return nil
	}
	if l.host == "" {
		return errors.New("no host")
	}
	if strings.HasPrefix(l.host, "-") || strings.HasPrefix(l.user, "-") || strings.HasPrefix(l.path, "-") {
		return errors.New("host, user and path must not begin with a dash")
	}
	if l.scheme == "ssh" && l.password != "" {
		return errors.New("ssh takes a key, not a password; remove it from the URL")
	}
	return nil
}

func (l location) local() bool { return l.scheme == "file" }

// address is host:port to connect to.
func (l location) address(port string) string {
	if l.port != "" {
		port = l.port
	}
	return net.JoinHostPort(l.host, port)
}

// loopback reports whether the host is this machine.
func (l location) loopback() bool {
	ip := net.ParseIP(l.host)
	return l.host == "localhost" || ip != nil && ip.IsLoopback()
}

// String is the URL without user and password, or the path.
func (l location) String() string {
	if l.scheme == "file" {
		return l.path
	}
	host := l.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if l.port != "" {
		host += ":" + l.port
	}
	return l.scheme + "://" + host + "/" + strings.TrimPrefix(l.path, "/")
}
