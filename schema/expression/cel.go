package expression

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
)

// environment is what every expression in CEL sees.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("data", cel.DynType),
		cel.OptionalTypes(),
		ext.Strings(), ext.Encoders(), ext.Math(), ext.Lists(), ext.Sets(),
	)
})

// MaxCost bounds the evaluation of one expression on one event, in CEL's own
// unit: about a million comparisons.
const MaxCost = 1_000_000

// Condition compiles an expression in CEL that says yes or no.
func Condition(text string) (cel.Program, error) {
	env, ast, err := compile(text)
	if err != nil {
		return nil, err
	}
	if out := ast.OutputType(); !out.IsAssignableType(cel.BoolType) && out.String() != cel.DynType.String() {
		return nil, fmt.Errorf("it gives a %s, but a filter says true or false", out)
	}
	return env.Program(ast, cel.CostLimit(MaxCost))
}

// Value compiles an expression in CEL that gives any value.
func Value(text string) (cel.Program, error) {
	env, ast, err := compile(text)
	if err != nil {
		return nil, err
	}
	return env.Program(ast, cel.CostLimit(MaxCost))
}

func compile(text string) (*cel.Env, *cel.Ast, error) {
	if err := fits(text); err != nil {
		return nil, nil, err
	}
	env, err := environment()
	if err != nil {
		return nil, nil, err
	}
	ast, issues := env.Compile(text)
	if issues == nil || issues.Err() == nil {
		return env, ast, nil
	}
	first := issues.Errors()[0]
	return nil, nil, errors.New("column " + fmt.Sprint(first.Location.Column()+1) + ": " + plain(first.Message))
}

// plain is a message of the compiler without what only its authors know.
func plain(message string) string {
	message, _, _ = strings.Cut(message, " expecting ")
	message, _, _ = strings.Cut(message, " (in container")
	return strings.ReplaceAll(message, "mismatched input '<EOF>'", "it ends too early")
}
