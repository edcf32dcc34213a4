package post

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// TestPool_EndsIdleConnectionsByItself: a subscriber to which nothing is sent any
// more does not keep its connections.
func TestPool_EndsIdleConnectionsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ended := make(chan time.Duration, 2)
		c := New(Config{IdleTimeout: time.Minute, Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				serve(theirs)
				ended <- time.Since(began)
			}()
			return ours, nil
		}})
		defer c.Close()
		to, err := c.Target(contract.Destination{URL: "http://subscriber/"})
		if err != nil {
			t.Fatal(err)
		}
		// Two at once, which end half a minute apart.
		first, err := to.pool.get(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := to.Post(t.Context(), event(), "", 0); err != nil || a.Status != 202 {
			t.Fatalf("got %+v, %v", a, err)
		}
		time.Sleep(30 * time.Second)
		if a, err := first.exchange(t.Context(), time.Time{}, to, event(), ""); err != nil || a.Status != 202 {
			t.Fatalf("got %+v, %v", a, err)
		}
		if one, two := <-ended, <-ended; one != time.Minute || two != 90*time.Second {
			t.Errorf("ended after %v and %v", one, two)
		}
		synctest.Wait()
		if to.pool.reaper != nil || len(to.pool.idle) != 0 {
			t.Error("something is left")
		}
	})
}

// serve answers 202 until the connection ends.
func serve(c net.Conn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	}
}
