package git

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestNew_TakesURLsApartAndShowsNoCredentials(t *testing.T) {
	here, err := filepath.Abs("x.git")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"https://example.com/team/repo.git":           "https://example.com/team/repo.git",
		"https://ada:secret@example.com:8443/r":       "https://example.com:8443/r",
		"https://token@example.com/r":                 "https://example.com/r",
		"https://ada:secret@[::1]:8443/r":             "https://[::1]:8443/r",
		"ssh://git@example.com:2222/srv/r.git":        "ssh://example.com:2222/srv/r.git",
		"git@example.com:team/r.git":                  "ssh://example.com/team/r.git",
		"example.com:r.git":                           "ssh://example.com/r.git",
		"git@[::1]:r.git":                             "ssh://[::1]/r.git",
		"x.git":                                       here,
		"file:///srv/r.git":                           "/srv/r.git",
		"/srv/it's a: repo.git":                       "/srv/it's a: repo.git",
		"https://ada:p%40ss%2Fword@example.com/r%20s": "https://example.com/r s",
	} {
		l, err := parseLocation(text)
		if err != nil || l.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, l, err, want)
		}
	}
}

func TestNew_RefusesWhatCouldRunOrLeakSomething(t *testing.T) {
	for _, c := range []struct{ url, says string }{
		{"", "no URL"},
		{"ext::sh -c touch% /tmp/x", "transport"},
		{"fd::3", "transport"},
		{"git://example.com/r", "transport"},
		{"ftp://example.com/r", "transport"},
		{"git+ssh://example.com/r", "transport"},
		{"ssh://-oProxyCommand=touch/r", "dash"},
		{"ssh://-user@example.com/r", "dash"},
		{"-oProxyCommand=touch:r", "dash"},
		{"-user@example.com:r", "dash"},
		{"git@example.com:-r", "dash"},
		{"ssh://git:secret@example.com/r", "key, not a password"},
		{"https://", "no path"},
		{"https:///r", "no host"},
		{"https://ada:secret@example.com", "no path"},
		{"https://ada:secret@example.com/r?x=y", "query"},
		{"https://ada:secret@example.com/r#x", "query"},
		{"https://ada:sec ret@exa mple.com/r", "not a URL"},
		{"https://ada:secret@example.com/r\n", "control"},
		{"file://example.com/r", "no machine"},
	} {
		_, err := New(Config{URL: c.url, Auth: Auth{SSHKeyFile: "k", KnownHostsFile: "h"}})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.url, err, c.says)
		}
		if err != nil && (strings.Contains(err.Error(), "sec") || strings.Contains(err.Error(), "ada")) {
			t.Errorf("%q: the error shows credentials: %v", c.url, err)
		}
	}
}

func TestNew_RefusesCredentialsThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		url  string
		auth Auth
		says string
	}{
		{"ssh://example.com/r", Auth{SSHKeyFile: "k"}, "known_hosts"},
		{"ssh://example.com/r", Auth{KnownHostsFile: "h"}, "private key"},
		{"ssh://example.com/r", Auth{KnownHostsFile: "h", SSHKeyFile: "k", PasswordFile: "p"}, "no use"},
		{"ssh://example.com/r", Auth{KnownHostsFile: "h", SSHKeyFile: "k", Username: "-x"}, "dash"},
		{"https://example.com/r", Auth{PasswordFile: "p", BearerFile: "b"}, "not both"},
		{"http://example.com/r", Auth{PasswordFile: "p"}, "in clear"},
		{"http://ada:secret@example.com/r", Auth{}, "in clear"},
	} {
		if _, err := New(Config{URL: c.url, Auth: c.auth}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.url, err, c.says)
		}
	}
	for _, auth := range []Auth{{}, {PasswordFile: "p", AllowCleartext: true}} {
		if _, err := New(Config{URL: "http://example.com/r", Auth: auth}); err != nil {
			t.Error(err)
		}
	}
}

func TestNew_RefusesBranchNamesThatGitRefuses(t *testing.T) {
	for _, name := range []string{"../../config", "a..b", "a b", "-a", "a/", "/a", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "a~1", "a^", "a:b", "a?", "a*", "a[b", `a\b`, "a\x00b", "a\n", "@{1}"} {
		if _, err := New(Config{URL: "/srv/r.git", Branch: name}); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	for _, name := range []string{"main", "team/main", "release-1.2", "naïve", "@"} {
		if _, err := New(Config{URL: "/srv/r.git", Branch: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestMatchRef_StarStandsForAnyText(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"refs/heads/preview/*", "refs/heads/preview/a/b", true},
		{"refs/heads/preview/*", "refs/heads/preview", false},
		{"refs/pull/*/head", "refs/pull/12/head", true},
		{"refs/pull/*/head", "refs/pull/head", false},
		{"refs/pull/*/head", "refs/pull/12/merge", false},
		{"refs/heads/main", "refs/heads/main", true},
		{"refs/heads/main", "refs/heads/main2", false},
		{"*", "refs/heads/main", true},
	} {
		if got := matchRef(c.pattern, c.name); got != c.want {
			t.Errorf("%s matches %s: %v", c.pattern, c.name, got)
		}
	}
}

func FuzzLocation(f *testing.F) {
	for _, seed := range []string{"https://u:p@h/r", "git@h:r", "ext::sh", "file:///r", "ssh://-o/r", "a:b:c@d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseLocation(text)
		if err == nil && (strings.HasPrefix(l.host, "-") || strings.HasPrefix(l.user, "-")) {
			t.Errorf("%q: %+v", text, l)
		}
		if err == nil && len(l.password) > 3 && !strings.Contains(l.host+l.path+l.port+l.scheme, l.password) && strings.Contains(l.String(), l.password) {
			t.Errorf("%q shows %q", text, l.password)
		}
	})
}
