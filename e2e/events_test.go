package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluice-dev/sluice/schema/contract"
)

// dead SUBSCRIPTION N: within a while, that many dead events are kept.
func dead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dead SUBSCRIPTION N")
	}
	await(ts, args[1], func() string {
		program, err := binary("sluice")
		ts.Check(err)
		out, err := exec.Command(program, "--kubeconfig", under.kubeconfig, "events", "lag", "-o", "json").CombinedOutput()
		if err != nil {
			return fmt.Sprintf("%v: %s", err, out)
		}
		var all []contract.Lag
		ts.Check(json.Unmarshal(out, &all))
		for _, lag := range all {
			if lag.Subscription == "default/"+args[0] {
				return fmt.Sprint(lag.Dead)
			}
		}
		return "no subscription " + args[0]
	})
}
