package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A repository that is away: the build is tried again by itself, and is done
// when the repository is back.
func TestBuilds_ARepositoryThatWasAwayIsAskedAgain(t *testing.T) {
	needLoopback(t)
	haveStep(t)
	address, err := freeAddress() // where nobody listens yet
	check(t, err)
	run := fmt.Sprint(time.Now().UnixNano())
	c := newClone(t)
	c.write("away.yaml", steps("e2e-away", fmt.Sprintf("source: {git: {url: %q, revision: main}}", "http://"+address+"/code.git"), "say="+run))
	c.push("A repository that is away")
	awaitState(t, "e2e-away", "Progressing", "trying again")

	p := servePrivate(t, "greeting "+run)
	listener, err := net.Listen("tcp", address)
	check(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.SetBasicAuth("ada", p.password)
		p.handler.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	awaitState(t, "e2e-away", "Ready", "")
	if n := len(jobsOf(t, "e2e-away")); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// What a step of the user's does is done once, whatever its exit code.
func TestBuilds_AStepThatFailsIsNotTriedAgain(t *testing.T) {
	haveStep(t)
	run := fmt.Sprint(time.Now().UnixNano())
	c := newClone(t)
	c.write("once.yaml", steps("e2e-once", "", "say="+run, "exit=75"))
	c.push("A step that fails as ours do when something is away")
	awaitState(t, "e2e-once", "Failed", `build step "work" exited with code 75`)
	awaitJob(t, jobsOf(t, "e2e-once")[0].Name, "Failed")
	if pods := podNames(t, "build.knative.dev/buildName=e2e-once"); len(pods) != 1 {
		t.Errorf("pods: %v", pods)
	}
}

// awaitJob waits until a Job has a condition.
func awaitJob(t *testing.T, name, condition string) {
	t.Helper()
	await(t, condition, func() string {
		for _, job := range jobsOf(t, "e2e-once") {
			for _, c := range job.Status.Conditions {
				if job.Name == name && string(c.Type) == condition {
					return condition
				}
			}
		}
		return "not yet"
	})
}
