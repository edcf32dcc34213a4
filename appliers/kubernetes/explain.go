package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
)

var (
	errChanged     = errors.New("it was deleted or replaced while it was being written; the next pass writes it anew")
	errBusy        = errors.New("it changes so often that its replicas could not be handed over; it is tried again")
	errTerminating = errors.New("it is being deleted; it is written again when it is gone. If it never goes, look at its metadata.finalizers")
	errOther       = errors.New("it is another object than the one to delete: somebody has replaced it, so it stays")
	errNoMetadata  = errors.New("the manifest has no metadata")
)

// ownedError says that an object belongs to somebody else.
type ownedError struct{ text string }

// Error is the sentence.
func (e *ownedError) Error() string { return e.text }

// Error is a step that was not done. It reads as a sentence for people and
// says what to do; the API server's own words are inside.
type Error struct {
	ID   manifest.ID
	Text string
	// Err is what happened; for a Secret, without anything that could hold its values.
	Err error
}

// Error begins with the object.
func (e *Error) Error() string { return e.ID.String() + ": " + e.Text }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// verdict is what an error means for the step.
type verdict struct {
	text     string
	terminal bool
	after    time.Duration
}

// explain turns what went wrong into an Outcome's three fields.
func explain(id manifest.ID, err error) (terminal bool, after time.Duration, said error) {
	v := judge(id, err)
	if secret(id) {
		err = unspoken(err)
	}
	return v.terminal, v.after, &Error{ID: id, Text: v.text, Err: err}
}

func judge(id manifest.ID, err error) verdict {
	var owned *ownedError
	var noKind *NoKindError
	var final interface{ Terminal() bool }
	var wait interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &wait):
		return verdict{text: err.Error(), after: wait.RetryAfter()}
	case errors.As(err, &final) && final.Terminal():
		return verdict{text: err.Error(), terminal: true}
	case errors.As(err, &owned), errors.Is(err, errOther), errors.Is(err, errNoMetadata):
		return verdict{text: err.Error(), terminal: true}
	case errors.Is(err, errTerminating):
		return verdict{text: err.Error(), after: time.Second}
	case errors.Is(err, errChanged), errors.Is(err, errBusy):
		return verdict{text: err.Error()}
	case errors.As(err, &noKind):
		return missingKind(id)
	case errors.Is(err, context.Canceled):
		return verdict{text: "not finished: the engine is stopping or a newer commit has come"}
	case errors.Is(err, context.DeadlineExceeded):
		return verdict{text: "the API server did not answer in time; it is tried again"}
	}
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return verdict{text: fmt.Sprintf("the API server cannot be reached; it is tried again: %s", quiet(id, err.Error()))}
	}
	return refusal(id, err, answer.Status())
}

// refusal judges an answer of the API server.
func refusal(id manifest.ID, err error, s metav1.Status) verdict {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return verdict{text: fmt.Sprintf("namespace %s is being deleted; it is written again when the namespace is back: add a Namespace manifest for %s if nothing else makes it", id.Namespace, id.Namespace), after: time.Second}
	case s.Code == http.StatusNotFound && s.Details != nil && s.Details.Kind == "namespaces" && id.Kind != "Namespace":
		return verdict{text: fmt.Sprintf("namespace %s does not exist: add a Namespace manifest for %s", id.Namespace, id.Namespace), after: time.Second}
	case s.Code == http.StatusNotFound:
		return missingKind(id)
	case s.Code == http.StatusForbidden:
		return forbidden(id, s)
	case s.Code == http.StatusUnauthorized:
		return verdict{text: "the API server does not accept the credentials: check the kubeconfig or the ServiceAccount's token", after: 10 * time.Second}
	case s.Code == http.StatusRequestEntityTooLarge, strings.Contains(s.Message, "request is too large"), strings.Contains(s.Message, "larger than max"):
		return verdict{text: "it is too large for the API server (about 1.5 MB; a ConfigMap or Secret 1 MB): make it smaller or split it", terminal: true}
	case s.Code == http.StatusUnprocessableEntity:
		return verdict{text: "the API server refuses it: " + causes(id, s), terminal: true}
	case malformed(s):
		return verdict{text: "the API server cannot read it: " + quiet(id, undeclared(s.Message)), terminal: true}
	case s.Code == http.StatusConflict:
		return verdict{text: "somebody else wrote it at the same time: " + quiet(id, s.Message)}
	}
	after, _ := apierrors.SuggestsClientDelay(err)
	return verdict{text: "the API server cannot do it now; it is tried again: " + quiet(id, s.Message), after: time.Duration(after) * time.Second}
}

func missingKind(id manifest.ID) verdict {
	return verdict{text: fmt.Sprintf("the API server has no %s in %s: install the CRD of %s, or correct apiVersion", id.Kind, id.APIVersion, id.Kind), after: 5 * time.Second}
}

// denied reads `cannot patch resource "deployments" in API group "apps"`.
var denied = regexp.MustCompile(`cannot (\w+) resource "([^"]+)"(?: in API group "([^"]*)")?`)

func forbidden(id manifest.ID, s metav1.Status) verdict {
	if m := denied.FindStringSubmatch(s.Message); m != nil {
		what := m[2]
		if m[3] != "" {
			what += "." + m[3]
		}
		return verdict{text: fmt.Sprintf("the engine may not %s %s: the installation's RBAC decides this; allow it with `sluice install --allow %s`", m[1], what, what), after: 30 * time.Second}
	}
	return verdict{text: "the API server forbids it: " + quiet(id, s.Message), after: 30 * time.Second}
}

// malformed reports an answer 400, or 500 for what the server could not even
// decode: another try sends the same bytes.
func malformed(s metav1.Status) bool {
	return s.Code == http.StatusBadRequest || s.Code == http.StatusUnsupportedMediaType ||
		s.Code == http.StatusInternalServerError && (strings.HasPrefix(s.Message, "failed to create typed patch object") || strings.HasPrefix(s.Message, "failed to convert new object"))
}

// undeclared is the part of the server's message that people can act on.
func undeclared(message string) string {
	if _, after, ok := strings.Cut(message, "): "); ok && strings.HasPrefix(message, "failed to ") {
		message = after
	}
	return strings.ReplaceAll(message, "field not declared in schema", "there is no such field")
}

// causes makes one sentence of what is invalid.
func causes(id manifest.ID, s metav1.Status) string {
	if s.Details == nil || len(s.Details.Causes) == 0 {
		return quiet(id, s.Message)
	}
	var parts []string
	for _, c := range s.Details.Causes {
		part := quiet(id, c.Message)
		if secret(id) {
			part = string(c.Type)
		} else if hidden(c.Field) || len(part) > 240 {
			part = valueless(part)
		}
		if c.Field != "" && c.Field != "[]" {
			part = c.Field + ": " + part
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	if more := len(parts) - 5; more > 0 {
		parts = append(parts[:5], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// hidden reports fields whose values are nobody's business.
func hidden(field string) bool {
	return strings.Contains(field, "env") || strings.HasPrefix(field, "data") || strings.HasPrefix(field, "stringData") || strings.HasPrefix(field, "binaryData")
}

// valueless leaves the value out of `Invalid value: ...: must be ...`.
func valueless(message string) string {
	if kind, after, ok := strings.Cut(message, " value: "); ok {
		if i := strings.LastIndex(after, ": "); i >= 0 {
			return kind + " value: " + after[i+2:]
		}
		return kind + " value"
	}
	return message[:min(len(message), 240)]
}

func secret(id manifest.ID) bool { return id.Kind == "Secret" && id.Group() == "" }

// quiet is the server's message; for a Secret, whose values it may quote, it is not.
func quiet(id manifest.ID, message string) string {
	if secret(id) {
		return "its message is left out because it may quote the Secret's values"
	}
	return message
}

// unspoken keeps of an error only what cannot hold values.
func unspoken(err error) error {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return err
	}
	s := answer.Status()
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: s.Status, Code: s.Code, Reason: s.Reason, Message: string(s.Reason)}}
}
