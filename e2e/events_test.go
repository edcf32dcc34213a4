package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

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

// deliver HOST SECRET EVENT ID FILE STATUS: call a webhook as GitHub does,
// signed by the secret if there is one, until the source answers at all, and
// with that status.
func deliver(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 6 {
		ts.Fatalf("usage: deliver HOST SECRET EVENT ID FILE STATUS")
	}
	body, err := os.ReadFile(ts.MkAbs(args[4]))
	ts.Check(err)
	await(ts, args[5], func() string {
		req, err := http.NewRequest(http.MethodPost, "http://"+args[0]+"/", bytes.NewReader(body))
		ts.Check(err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-GitHub-Event", args[2])
		req.Header.Set("X-GitHub-Delivery", args[3])
		if args[1] != "" {
			mac := hmac.New(sha256.New, []byte(args[1]))
			mac.Write(body)
			req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		}
		resp, err := client.Do(req)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		return fmt.Sprint(resp.StatusCode)
	})
}

// leaves SPEC TEXT: within a while, TEXT begins how the farewell of a spec that is
// deleted stands, `nothing` where there is none.
func leaves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: leaves SPEC TEXT")
	}
	awaitFor(ts, 3*patience, args[1], func() string {
		r, err := currentReport()
		if err != nil {
			return err.Error()
		}
		for _, f := range r.Farewells {
			if f.Spec.Name == args[0] {
				text := string(f.State) + ": " + f.Reason
				return text[:min(len(text), len(args[1]))]
			}
		}
		return "nothing"
	})
}

// gets ID NAMES: within a while, the event was delivered to the subscriptions
// default/by-NAME, and left out by all others.
func gets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: gets ID NAMES")
	}
	program, err := binary("sluice")
	ts.Check(err)
	await(ts, args[1], func() string {
		out, err := exec.Command(program, "--kubeconfig", under.kubeconfig, "events", "trace", args[0], "-o", "json").Output()
		if err != nil {
			return err.Error()
		}
		var trails []contract.Trail
		ts.Check(json.Unmarshal(out, &trails))
		var names []string
		for _, trail := range trails {
			for _, stop := range trail.Stops {
				switch name, ours := strings.CutPrefix(stop.Subscription, "default/by-"); {
				case !ours || stop.Outcome == contract.OutcomeFiltered:
				case stop.Outcome == contract.OutcomeDelivered:
					names = append(names, name)
				default:
					return stop.Subscription + ": " + stop.Outcome
				}
			}
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	})
}
