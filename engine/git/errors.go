package git

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What an error of this package can be asked for with errors.Is.
var (
	// ErrNoBranch: the repository is there, the branch is not (yet).
	ErrNoBranch = errors.New("no such branch")
	// ErrNoRef: no tag, branch or commit has this name.
	ErrNoRef = errors.New("no such tag, branch or commit")
	// ErrNoRepository: the place is there, and no repository in it.
	ErrNoRepository = errors.New("no Git repository there")
	// ErrAuth: the remote does not know us, or does not let us in.
	ErrAuth = errors.New("not let in")
	// ErrHostKey: we do not know the remote by its key or certificate.
	ErrHostKey = errors.New("host not trusted")
	// ErrRefused: the remote does not take what we push.
	ErrRefused = errors.New("push refused")
	// ErrUnreachable: the remote cannot be reached, or broke off.
	ErrUnreachable = errors.New("unreachable")
	// ErrLimit: one of [Limits] is exceeded.
	ErrLimit = errors.New("limit exceeded")
	// ErrNoObject: the repository lacks an object that it should have.
	ErrNoObject = errors.New("object missing")
)

// Error is what went wrong with a repository, and what to do about it. It
// shows no credentials.
type Error struct {
	// Repository is the URL without credentials, or the path.
	Repository string
	// Kind is one of the Err values of this package.
	Kind error
	// Detail is what exactly; it may be empty.
	Detail string
	// Advice is what to do next.
	Advice string
	// Cause is the error below, if there is one.
	Cause error
}

// Error is one line: where, what, why, what to do.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Repository, e.Kind)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	if e.Advice != "" {
		b.WriteString("; " + e.Advice)
	}
	return b.String()
}

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// noBranch says which branches there are instead.
func noBranch(repository, branch string, branches []string) error {
	e := &Error{Repository: repository, Kind: ErrNoBranch, Detail: branch}
	slices.Sort(branches)
	switch {
	case len(branches) == 0:
		e.Advice = fmt.Sprintf("the repository is empty: push a commit to %s", branch)
	case len(branches) > 10:
		e.Advice = fmt.Sprintf("push it, or choose one of %s and %d more", strings.Join(branches[:10], ", "), len(branches)-10)
	default:
		e.Advice = "push it, or choose one of " + strings.Join(branches, ", ")
	}
	return e
}

// limit makes an ErrLimit that names what is too large.
func limit(detail string, args ...any) error {
	return fmt.Errorf("%w: "+detail, append([]any{ErrLimit}, args...)...)
}

var userinfo = regexp.MustCompile(`://[^/\s"']*@`)

// scrubbed is an error whose text has lost every user, password and secret.
type scrubbed struct {
	error
	text string
}

func (s scrubbed) Error() string { return s.text }
func (s scrubbed) Unwrap() error { return s.error }

// scrub takes user information out of URLs and the given secrets out of the
// text of an error.
func scrub(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	text := userinfo.ReplaceAllString(err.Error(), "://")
	for _, secret := range secrets {
		if len(secret) > 3 {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	if text == err.Error() {
		return err
	}
	return scrubbed{err, text}
}
