package verb

import (
	"fmt"

	"github.com/sluice-dev/sluice/cmd/sluice/cli"
	"github.com/sluice-dev/sluice/schema"
)

// printProblems writes one problem a line, as editors read them.
func printProblems(s cli.Streams, problems []schema.Problem) {
	for _, p := range problems {
		colour := cli.Red
		if p.Severity == schema.Warning {
			colour = cli.Yellow
		}
		fmt.Fprintln(s.Out, s.Paint(colour, p.String()))
	}
}

// countProblems counts errors and warnings.
func countProblems(problems []schema.Problem) (errs, warnings int) {
	for _, p := range problems {
		if p.Severity == schema.Warning {
			warnings++
		} else {
			errs++
		}
	}
	return errs, warnings
}
