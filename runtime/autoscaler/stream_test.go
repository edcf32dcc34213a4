package autoscaler

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-dev/sluice/runtime/stat"
)

// tell sends frames as one block.
func tell(t *testing.T, s *Stream, p *stat.Packer, frames ...stat.Frame) {
	t.Helper()
	for i := range frames {
		p.Add(&frames[i])
	}
	if err := s.Unpack(unheaded(p.Take())); err != nil {
		t.Fatal(err)
	}
}

func TestStream_ABlockIsDecidedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 0, 0)
		w.put("hello-2", 1, 1)
		w.route("hello-1", "hello-2")
		s, p := w.a.Open(), stat.NewPacker("a1")
		defer s.Close()
		tell(t, s, p, frame("hello-1", 0, 1, 0), frame("hello-2", 10, 30, 1))
		time.Sleep(100 * time.Millisecond) // a surge is believed after 83
		w.want("hello-1", 1)
		w.want("hello-2", 4) // each takes 10 of the 40
		if top := w.a.Top(); len(top) != 2 || top[1].InFlight != 10 || top[1].Queued != 30 {
			t.Errorf("%+v", top)
		}
	})
}

func TestStream_ARevisionThatWasForgottenIsLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 1, 1)
		w.route("hello-1")
		s, p := w.a.Open(), stat.NewPacker("a1")
		defer s.Close()
		tell(t, s, p, frame("hello-1", 1, 0, 1))
		tell(t, s, p, frame("hello-1", 0, 0, 1))
		synctest.Wait()
		w.a.DeleteDeployment("default", "hello-1")
		synctest.Wait()
		if w.a.find(key("hello-1")) != nil {
			t.Fatal("it is not forgotten")
		}
		w.put("hello-1", 0, 0)
		tell(t, s, p, frame("hello-1", 0, 3, 0)) // by the number that it had
		time.Sleep(10 * time.Millisecond)        // of which the write takes two
		w.want("hello-1", 1)
	})
}

func TestStream_AnActivatorThatIsBackOnAnotherStreamCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, Config{})
		w.put("hello-1", 1, 1)
		w.route("hello-1")
		one, p := w.a.Open(), stat.NewPacker("a1")
		two, q := w.a.Open(), stat.NewPacker("a1")
		defer two.Close()
		inFlight := func(want int) {
			t.Helper()
			synctest.Wait()
			if top := w.a.Top(); len(top) != 1 || top[0].InFlight != want {
				t.Errorf("want %d, got %+v", want, top)
			}
		}
		tell(t, one, p, frame("hello-1", 4, 0, 1))
		inFlight(4)
		tell(t, two, q, frame("hello-1", 5, 0, 1))
		inFlight(5)
		tell(t, one, p, frame("hello-1", 6, 0, 1)) // it had been on its way
		inFlight(6)
		tell(t, two, q, frame("hello-1", 5, 0, 1))
		inFlight(5)
		one.Close()
		time.Sleep(3 * time.Second) // longer than a stream's grace
		inFlight(5)
	})
}
