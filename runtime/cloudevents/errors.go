package cloudevents

import (
	"fmt"
	"net/http"
)

// Error is an event that cannot be read.
type Error struct {
	// Status is the HTTP status to answer with: 400 or 415.
	Status int
	// Text says what is wrong, and what to write instead.
	Text string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

func badf(format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Text: fmt.Sprintf(format, args...)}
}

func unsupportedf(format string, args ...any) error {
	return &Error{Status: http.StatusUnsupportedMediaType, Text: fmt.Sprintf(format, args...)}
}
