package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/engine/manifest"
	"github.com/sluice-dev/sluice/engine/plan"
	"github.com/sluice-dev/sluice/engine/status"
	"github.com/sluice-dev/sluice/schema"
)

const orders = `apiVersion: messaging.knative.dev/v1
kind: Channel
metadata: {name: orders}
`

const mail = `apiVersion: messaging.knative.dev/v1
kind: Subscription
metadata: {name: mail}
spec:
  channel: {apiVersion: messaging.knative.dev/v1, kind: Channel, name: orders}
  subscriber: {uri: "http://mail.example.com/"}
`

var mailMap = manifest.ID{APIVersion: "v1", Kind: "ConfigMap", Namespace: "default", Name: "mail.subscription.sluice"}

func TestEvents_ASubscriptionWaitsForItsChannel(t *testing.T) {
	w := newWorld(t)
	w.push("subscription", map[string]string{"mail.yaml": mail})
	wantWrites(t, w.pass())
	if s := w.spec("mail"); s.State != status.Failed || !strings.Contains(s.Reason, "default/orders is described nowhere") {
		t.Errorf("without a channel: %+v", s)
	}
	if p := w.report().Problems; len(p) != 1 || p[0].File != "mail.yaml" || p[0].Line != 5 || p[0].Path != "spec.channel" || p[0].Severity != schema.Error {
		t.Errorf("problems: %v", p)
	}
	w.push("channel", map[string]string{"orders.yaml": orders})
	wantWrites(t, w.pass(), "create ConfigMap orders.channel.sluice", "create Service orders-channel", "create Service orders-kn-channel",
		"create VirtualService orders-channel", "create ConfigMap mail.subscription.sluice")
	if s := w.spec("mail"); s.State != status.Ready {
		t.Errorf("with it: %+v", s)
	}
	if s := w.spec("orders"); s.State != status.Ready || s.URL != "http://orders-channel.default.svc.cluster.local/" {
		t.Errorf("the channel: %+v", s)
	}
	wantWrites(t, w.pass())
}

func TestEvents_AChannelThatBreaksOrGoesTakesNoSubscriptionWithIt(t *testing.T) {
	w := newWorld(t)
	w.push("both", map[string]string{"mail.yaml": mail, "orders.yaml": orders})
	w.pass()
	w.push("broken", map[string]string{"orders.yaml": orders + "spec: {delivery: {retries: 1}}\n"})
	wantWrites(t, w.pass())
	if s := w.spec("mail"); s.State != status.Failed || !strings.Contains(s.Reason, "has errors in its own document") {
		t.Errorf("beside a broken channel: %+v", s)
	}
	w.push("gone", map[string]string{"orders.yaml": ""})
	w.pass()
	w.now = w.now.Add(plan.DefaultPolicy().Grace + time.Second)
	w.pass()
	if _, there := w.live[mailMap]; !there {
		t.Error("the subscription went with its channel: its place is lost")
	}
}

func TestEvents_DeletedAndAddedWithinTheGraceNothingIsWritten(t *testing.T) {
	w := newWorld(t)
	w.push("both", map[string]string{"mail.yaml": mail, "orders.yaml": orders})
	w.pass()
	w.push("deleted", map[string]string{"mail.yaml": ""})
	wantWrites(t, w.pass())
	w.now = w.now.Add(30 * time.Second)
	w.push("added, elsewhere", map[string]string{"elsewhere/mail.yaml": mail})
	wantWrites(t, w.pass())
	if _, there := w.live[mailMap]; !there {
		t.Error("the subscription is gone")
	}
}

func TestEvents_TheBrokersDeliveryReachesItsTriggers(t *testing.T) {
	const broker = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: default}\nspec: {delivery: {retry: RETRY}}\n"
	const trigger = "apiVersion: eventing.knative.dev/v1\nkind: Trigger\nmetadata: {name: mail}\nspec: {broker: default, subscriber: {uri: \"http://mail.example.com/\"}}\n"
	w := newWorld(t)
	w.push("both", map[string]string{"broker.yaml": strings.Replace(broker, "RETRY", "1", 1), "trigger.yaml": trigger})
	w.pass()
	w.push("tries harder", map[string]string{"broker.yaml": strings.Replace(broker, "RETRY", "7", 1)})
	wantWrites(t, w.pass(), "update ConfigMap mail.subscription.sluice")
	if o := w.live[mailMap]; !strings.Contains(string(o.JSON), `\"retry\":7`) {
		t.Errorf("got %s", o.JSON)
	}
}

func TestEvents_ASourceIsReadyWhenItRuns(t *testing.T) {
	w := newWorld(t)
	w.push("ping", map[string]string{"orders.yaml": orders, "ping.yaml": `apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: clock}
spec: {sink: {ref: {apiVersion: messaging.knative.dev/v1, kind: Channel, name: orders}}}
`})
	w.pass()
	if s := w.spec("clock"); s.State != status.Progressing || s.Reason != "its source does not run yet; what it waits for is in its log: kubectl -n default logs deployment/clock-source" {
		t.Errorf("before its pod is ready: %+v", s)
	}
	w.ready("clock-source")
	wantWrites(t, w.pass())
	if s := w.spec("clock"); s.State != status.Ready || len(s.Revisions) != 0 {
		t.Errorf("after: %+v", s)
	}
	w.trouble = plan.Trouble{Reason: "CrashLoopBackOff", Message: "the Secret's value is no JSON"}
	w.status("clock-source", map[string]any{"replicas": 1})
	w.now = w.now.Add(time.Minute)
	w.pass()
	if s := w.spec("clock"); s.State != status.Failed || !strings.Contains(s.Reason, "the Secret's value is no JSON") {
		t.Errorf("when it fails: %+v", s)
	}
}

func TestEvents_ABindingMakesAnotherRevision(t *testing.T) {
	const binding = "apiVersion: sources.knative.dev/v1\nkind: SinkBinding\nmetadata: {name: bind}\nspec: {subject: {apiVersion: serving.knative.dev/v1, kind: Service, name: hello}, sink: {uri: \"http://sink.example.com/\"}}\n"
	w := newWorld(t)
	first := w.serve("one")
	w.push("bound", map[string]string{"bind.yaml": binding})
	second := w.create("hello", first)
	if o := w.live[deploymentID(second)]; !strings.Contains(string(o.JSON), `{"name":"K_SINK","value":"http://sink.example.com/"}`) {
		t.Errorf("no sink in %s", o.JSON)
	}
	w.ready(second)
	wantWrites(t, w.pass(), "update VirtualService hello")
	w.push("unbound", map[string]string{"bind.yaml": ""})
	wantWrites(t, w.pass(), "update VirtualService hello")
	if got := w.spec("hello").Traffic[0].Revision; got != first {
		t.Errorf("traffic is at %s, want %s again", got, first)
	}
}
