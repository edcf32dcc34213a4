package filter

import (
	"fmt"
	"strings"

	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

// cesqlNode is an expression of CloudEvents SQL.
type cesqlNode struct {
	text       string
	expression cesql.Expression
}

func (n *cesqlNode) match(in *Input) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			ok, err = false, fmt.Errorf("cesql %q: %v", n.text, r)
		}
	}()
	value, err := n.expression.Evaluate(in.sdk())
	if err != nil {
		return false, fmt.Errorf("cesql %q: %s", n.text, strings.Join(strings.Fields(err.Error()), " "))
	}
	ok, isBool := value.(bool)
	if !isBool {
		return false, fmt.Errorf("cesql %q gives %v; a filter says true or false", n.text, value)
	}
	return ok, nil
}

// celNode is an expression of CEL.
type celNode struct {
	text    string
	program cel.Program
}

func (n *celNode) match(in *Input) (bool, error) {
	out, err := in.eval(n.program)
	if err != nil {
		return false, fmt.Errorf("cel %q: %w", n.text, err)
	}
	ok, isBool := out.(types.Bool)
	if !isBool {
		return false, fmt.Errorf("cel %q gives a %s; a filter says true or false", n.text, out.Type().TypeName())
	}
	return bool(ok), nil
}
