package expression

import (
	"errors"
	"fmt"
	"strings"

	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/parser"
)

// MaxLength bounds an expression, in bytes: what is longer belongs in a
// program.
const MaxLength = 4096

// CESQL compiles an expression of CloudEvents SQL over the attributes.
func CESQL(text string) (e cesql.Expression, err error) {
	if err := fits(text); err != nil {
		return nil, err
	}
	// The parser panics on some texts that are cut off in the middle.
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, errors.New("it ends too early or has words that do not belong together")
		}
	}()
	e, err = parser.Parse(text)
	if err != nil {
		return nil, errors.New(oneLine(err))
	}
	return e, nil
}

func fits(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("it is empty")
	case len(text) > MaxLength:
		return fmt.Errorf("it has %d bytes; an expression has at most %d", len(text), MaxLength)
	}
	return nil
}

// oneLine is an error's text as one line.
func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
