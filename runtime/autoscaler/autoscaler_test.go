package autoscaler

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

func TestAutoscaler_AWakeIsWrittenAndAcknowledgedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		time.Sleep(time.Hour)
		began := time.Now()
		f := frame("hello-1", 0, 1, 0)
		f.Wake, f.Seconds = true, 0
		s.Report(f)
		ack := <-s.Acks()
		if took := time.Since(began); ack.Want != 1 || ack.Error != "" || ack.Revision != "hello-1" || took > 5*time.Millisecond {
			t.Errorf("%+v after %v", ack, took)
		}
		w.want("hello-1", 1)
		s.Report(f) // a second one, while the pod starts
		if ack := <-s.Acks(); ack.Want != 1 || ack.Error != "" {
			t.Errorf("again: %+v", ack)
		}
		if w.writes() != 1 {
			t.Errorf("%d writes", w.writes())
		}
	})
}

func TestAutoscaler_AWakeThatCannotBeWrittenSaysWhyAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		w.breaks(errors.New("quota exceeded"))
		f := frame("hello-1", 0, 1, 0)
		f.Wake = true
		s.Report(f)
		if ack := <-s.Acks(); ack.Error != "revision default/hello-1: scale to 1: quota exceeded" {
			t.Errorf("%+v", ack)
		}
		time.Sleep(time.Second)
		w.breaks(nil)
		time.Sleep(time.Second)
		w.want("hello-1", 1)
	})
}

func TestAutoscaler_AWakeOfWhatIsNotThereIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		s := w.a.Open()
		f := frame("hello-9", 0, 1, 0)
		f.Wake = true
		s.Report(f)
		if ack := <-s.Acks(); !strings.Contains(ack.Error, "has no Deployment") {
			t.Errorf("%+v", ack)
		}
		w.put("hello-9", 0, 0) // it comes a moment later
		time.Sleep(10 * time.Millisecond)
		w.want("hello-9", 1)
		s.Close()
		w.a.DeleteDeployment("default", "hello-9")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(w.a.all()); n != 0 {
			t.Errorf("%d entries are left", n)
		}
	})
}

func TestAutoscaler_FiftyClientsAtOnePodAreGivenFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 1, 1)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		say(s, 70*time.Second, frame("hello-1", 1, 0, 1))
		f := frame("hello-1", 10, 40, 1)
		f.Concurrency = 1
		s.Report(f)
		time.Sleep(70 * time.Millisecond)
		w.want("hello-1", 5)
	})
}

func TestAutoscaler_SilenceGoesToZeroAfterTheWindowAndLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 1, 1)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		say(s, 10*time.Second, frame("hello-1", 3, 0, 1))
		last := frame("hello-1", 0, 0, 1)
		last.Concurrency = 3
		s.Report(last)
		ended := time.Now()
		time.Sleep(59 * time.Second)
		w.want("hello-1", 1)
		time.Sleep(2 * time.Second)
		w.want("hello-1", 0)
		w.mu.Lock()
		took := w.orders[len(w.orders)-1].after - ended.Sub(w.start)
		w.mu.Unlock()
		if took < 60*time.Second || took > 60*time.Second+100*time.Millisecond {
			t.Errorf("written %v after the last request", took)
		}
		time.Sleep(time.Second)
		if n, due := w.actors(); n != 0 || due != 0 {
			t.Errorf("%d actors and %d looks are left", n, due)
		}
	})
}

func TestAutoscaler_ManyAsleepCostNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		for i := range 1000 {
			w.put(fmt.Sprintf("hello-%d", i), 0, 0)
		}
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		time.Sleep(2 * time.Minute)
		if n, due := w.actors(); n != 0 || due != 0 {
			t.Errorf("%d actors, %d looks", n, due)
		}
	})
}

func TestAutoscaler_ADeadActivatorIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 3, 3)
		w.route("hello-1")
		one, two := w.a.Open(), w.a.Open()
		other := frame("hello-1", 1, 0, 3)
		other.Activator = "a2"
		for range 70 {
			one.Report(frame("hello-1", 19, 0, 3))
			two.Report(other)
			time.Sleep(time.Second)
		}
		w.want("hello-1", 3)
		one.Close()
		two.Close()
		time.Sleep(time.Hour)
		w.want("hello-1", 3) // nobody says anything
		again := w.a.Open()
		defer again.Close()
		time.Sleep(55 * time.Second)
		w.want("hello-1", 3) // nor has anybody since
		time.Sleep(15 * time.Second)
		w.want("hello-1", 0)
	})
}

func TestAutoscaler_AnActivatorThatComesBackKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 1, 1)
		w.route("hello-1")
		s := w.a.Open()
		say(s, 5*time.Second, frame("hello-1", 5, 0, 1))
		s.Close()
		time.Sleep(time.Second)
		s = w.a.Open()
		s.Report(frame("hello-1", 5, 0, 1))
		if e := w.a.Top(); len(e) != 1 || e[0].InFlight != 5 {
			t.Errorf("%+v", e)
		}
		s.Close()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if e := w.a.Top(); len(e) != 1 || e[0].InFlight != 0 {
			t.Errorf("%+v", e)
		}
	})
}

func TestAutoscaler_TheWatchsOldNewsDoNotUndoAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.echo = 200 * time.Millisecond
		w.put("hello-1", 0, 0)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		w.mu.Lock()
		old := w.live[key("hello-1")].DeepCopy()
		w.mu.Unlock()
		s.Report(frame("hello-1", 0, 3, 0))
		time.Sleep(10 * time.Millisecond)
		old.Status.ObservedGeneration = 1
		old.Status.UnavailableReplicas = 1
		w.a.SetDeployment(old) // from before the write
		s.Report(frame("hello-1", 0, 3, 0))
		time.Sleep(10 * time.Millisecond)
		w.want("hello-1", 1)
		if w.writes() != 1 {
			t.Errorf("%d writes", w.writes())
		}
	})
}

func TestAutoscaler_OthersHandsAreCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 1, 1)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		s.Report(frame("hello-1", 5, 0, 1))
		time.Sleep(100 * time.Millisecond)
		w.put("hello-1", 0, 0)
		s.Report(frame("hello-1", 0, 5, 0))
		time.Sleep(100 * time.Millisecond)
		w.want("hello-1", 1)
	})
}

func TestAutoscaler_ClassHPAIsLeftToItsOwnWhileARouteLeadsToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		hpa := annotated(map[string]string{"autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev", "autoscaling.knative.dev/min-scale": "2"})
		w.put("hello-1", 5, 5, hpa)
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		say(s, 10*time.Second, frame("hello-1", 400, 100, 5))
		s.Report(frame("hello-1", 0, 0, 5))
		time.Sleep(10 * time.Minute)
		w.want("hello-1", 5)
		if n, due := w.actors(); n != 0 || due != 0 {
			t.Errorf("%d actors, %d looks", n, due)
		}
		w.route("hello-2")
		time.Sleep(61 * time.Second)
		w.want("hello-1", 0)
		w.route("hello-1")
		time.Sleep(time.Second)
		w.want("hello-1", 2)
	})
}

func TestAutoscaler_ObjectsOfOthersAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("db", 3, 3, func(d *appsv1.Deployment) { d.Labels = nil })
		s := w.a.Open()
		defer s.Close()
		w.route()
		time.Sleep(10 * time.Minute)
		w.want("db", 3)
	})
}

func TestAutoscaler_ExplainsTheLastDecisionsThatChangedSomething(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 0, 0, annotated(map[string]string{"autoscaling.knative.dev/window": "6s"}))
		w.route("hello-1")
		s := w.a.Open()
		defer s.Close()
		for range 40 {
			s.Report(frame("hello-1", 0, 2, 0))
			time.Sleep(time.Second)
			s.Report(frame("hello-1", 0, 0, 1))
			time.Sleep(10 * time.Second)
		}
		list, ok := w.a.Explain("default", "hello-1")
		if !ok || len(list) < 32 || len(list) > 33 {
			t.Fatalf("%v, %d decisions", ok, len(list))
		}
		for i, d := range list {
			if d.Reason == "" || i > 0 && d.At.Before(list[i-1].At) {
				t.Errorf("%+v", d)
			}
		}
		if _, ok := w.a.Explain("default", "nobody"); ok {
			t.Error("knows a revision that is not there")
		}
	})
}
