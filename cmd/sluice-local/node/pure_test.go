package node

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestExpand_FollowsKubernetesRules(t *testing.T) {
	lookup := func(name string) (string, bool) { return "<" + name + ">", name != "UNKNOWN" }
	for in, want := range map[string]string{
		"":             "",
		"plain":        "plain",
		"$(A)-$(B)":    "<A>-<B>",
		"$(UNKNOWN)":   "$(UNKNOWN)",
		"$$(A)":        "$(A)",
		"$$$(A)":       "$<A>",
		"$":            "$",
		"a$":           "a$",
		"$A ${A}":      "$A ${A}",
		"$(unclosed":   "$(unclosed",
		"$(A) $(A":     "<A> $(A",
		"100$$ $(A) $": "100$ <A> $",
	} {
		if got := expand(in, lookup); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("$(A)$$(B")
	f.Fuzz(func(t *testing.T, s string) {
		if got := expand(s, func(name string) (string, bool) { return "", false }); len(got) > len(s) {
			t.Errorf("%q grew to %q", s, got)
		}
	})
}

func TestBackoff_FirstRestartIsImmediateThenDoublesToItsBound(t *testing.T) {
	b := backoff{first: 10 * time.Second, max: 5 * time.Minute, forgive: 10 * time.Minute}
	var got []time.Duration
	for range 8 {
		got = append(got, b.next(time.Second)/time.Second)
	}
	if diff := cmp.Diff([]time.Duration{0, 10, 20, 40, 80, 160, 300, 300}, got); diff != "" {
		t.Error(diff)
	}
	if d := b.next(time.Hour); d != 0 {
		t.Errorf("after a long run: %s", d)
	}
}

func TestAddresses_BeginAtOneAndComeBackLast(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("127.9.0.0/16"))
	first, err := a.take("")
	if err != nil || first != "127.9.1.1" {
		t.Fatalf("got %s, %v", first, err)
	}
	a.release(first)
	if second, err := a.take(""); err != nil || second != "127.9.1.2" {
		t.Errorf("got %s, %v", second, err)
	}
	if again, err := a.take(first); err != nil || again != first {
		t.Errorf("a free one that is asked for: got %s, %v", again, err)
	}
	if other, err := a.take(first); err != nil || other == first {
		t.Errorf("a taken one that is asked for: got %s, %v", other, err)
	}
	small := newAddresses(netip.MustParsePrefix("127.9.1.0/30"))
	for range 3 {
		if _, err := small.take(""); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := small.take(""); err == nil {
		t.Errorf("a fourth of three: %s", got)
	}
}

func TestPorts_AreFreeAndNotOfTheKernelsOwn(t *testing.T) {
	p := newPorts()
	low, high, err := ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for range 100 {
		port, err := p.take()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port >= low && port <= high || !free(port) {
			t.Errorf("got %d", port)
		}
		seen[port] = true
	}
}

func TestMapPorts(t *testing.T) {
	declared := []corev1.ContainerPort{{ContainerPort: 8080}, {ContainerPort: 9090}}
	env := func(port string) []corev1.EnvVar { return []corev1.EnvVar{{Name: "PORT", Value: port}} }
	for _, c := range []struct {
		name string
		host bool
		c    corev1.Container
		want portMap
		told string // the value of PORT
	}{
		{name: "every declared port moves", c: corev1.Container{Ports: declared}, want: portMap{8080: 1, 9090: 2}, told: "1"},
		{name: "a PORT that names a declared one moves with it", c: corev1.Container{Ports: declared, Env: env("9090")}, want: portMap{8080: 1, 9090: 2}, told: "2"},
		{name: "a PORT of its own means that it knows better", c: corev1.Container{Ports: declared, Env: env("7000")}, want: portMap{}, told: "7000"},
		{name: "the host's network is as it is", host: true, c: corev1.Container{Ports: declared, Env: env("8080")}, want: portMap{}, told: "8080"},
		{name: "a port of the machine is what was asked for", c: corev1.Container{Ports: []corev1.ContainerPort{{ContainerPort: 80, HostPort: 7777}}}, want: portMap{80: 7777}, told: "7777"},
		{name: "no port, no mapping", want: portMap{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{HostNetwork: c.host, Containers: []corev1.Container{c.c}}}
			next := 0
			got, err := mapPorts(pod, func() (int, error) { next++; return next, nil })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			e, err := makeEnv(t.Context(), surroundings{pod: pod, container: &c.c, ports: got}, api{})
			if err != nil {
				t.Fatal(err)
			}
			if told, _ := e.lookup("PORT"); told != c.told {
				t.Errorf("PORT is %q, want %q", told, c.told)
			}
		})
	}
	full := errors.New("full")
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: declared}}}}
	if _, err := mapPorts(pod, func() (int, error) { return 0, full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

func TestPhaseOf_SumsTheContainersUp(t *testing.T) {
	waits := corev1.ContainerStatus{State: waiting("", "")}
	runs := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	ended := func(code int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
	}
	crashed := corev1.ContainerStatus{State: waiting("CrashLoopBackOff", ""), LastTerminationState: ended(1).State}
	type list = []corev1.ContainerStatus
	for _, c := range []struct {
		name       string
		init, main list
		over       bool
		reason     string
		want       corev1.PodPhase
	}{
		{name: "nothing has begun", main: list{waits}, want: corev1.PodPending},
		{name: "init runs", init: list{runs}, main: list{waits}, want: corev1.PodPending},
		{name: "one of two runs", init: list{ended(0)}, main: list{runs, waits}, want: corev1.PodPending},
		{name: "all run", init: list{ended(0)}, main: list{runs, runs}, want: corev1.PodRunning},
		{name: "one backs off", main: list{crashed}, want: corev1.PodRunning},
		{name: "one is done, it may be started again", main: list{ended(1)}, want: corev1.PodRunning},
		{name: "all ended well", main: list{ended(0), ended(0)}, over: true, want: corev1.PodSucceeded},
		{name: "one ended badly", main: list{ended(0), ended(2)}, over: true, want: corev1.PodFailed},
		{name: "init failed", init: list{ended(1)}, main: list{waits}, over: true, want: corev1.PodFailed},
		{name: "it took too long", main: list{ended(0)}, over: true, reason: "DeadlineExceeded", want: corev1.PodFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := facts{pod: &corev1.Pod{}, init: c.init, main: c.main, over: c.over, reason: c.reason}
			f.pod.Spec.InitContainers = make([]corev1.Container, len(c.init))
			if got := phaseOf(f); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestStatusOf_ReadyWaitsForGatesAndKeepsWhatOthersWrite(t *testing.T) {
	ready := corev1.ContainerStatus{Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	pod := &corev1.Pod{Spec: corev1.PodSpec{ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "gate"}}}}
	is := func(s corev1.PodStatus, kind corev1.PodConditionType) corev1.ConditionStatus {
		for _, c := range s.Conditions {
			if c.Type == kind {
				return c.Status
			}
		}
		return "missing"
	}
	s := statusOf(facts{pod: pod, main: []corev1.ContainerStatus{ready}})
	if is(s, corev1.ContainersReady) != corev1.ConditionTrue || is(s, corev1.PodReady) != corev1.ConditionFalse {
		t.Errorf("got %+v", s.Conditions)
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: "gate", Status: corev1.ConditionTrue}}
	s = statusOf(facts{pod: pod, main: []corev1.ContainerStatus{ready}})
	if is(s, corev1.PodReady) != corev1.ConditionTrue || is(s, "gate") != corev1.ConditionTrue {
		t.Errorf("got %+v", s.Conditions)
	}
}

func TestImageID_IsNameAndDigest(t *testing.T) {
	for ref, want := range map[string]string{
		"local.dev/hello":       "local.dev/hello@sha256:d",
		"local.dev:5000/hello":  "local.dev:5000/hello@sha256:d",
		"local.dev/hello:v1":    "local.dev/hello@sha256:d",
		"hello@sha256:whatever": "hello@sha256:d",
	} {
		if got := imageID(Image{Ref: ref, Digest: "sha256:d"}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
