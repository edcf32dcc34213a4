package demand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-dev/sluice/runtime/activator"
	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// again is the pause after a connection that failed.
	again = 100 * time.Millisecond
	// silence is how long the autoscaler, which sends a heartbeat every two
	// seconds, may say nothing before it is asked whether it lives, and how long it
	// may take to answer that.
	silence = 5 * time.Second
)

// connect keeps one stream to whoever leads.
func (t *Teller) connect(ctx context.Context) error {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{
		Protocols:   protocols,
		DialContext: (&net.Dialer{Timeout: time.Second}).DialContext,
		HTTP2:       &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: silence},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for ctx.Err() == nil {
		address := t.cfg.Leader.Address()
		if address == "" {
			if !t.moved(ctx, 0) {
				return nil
			}
			continue
		}
		if err := t.stream(ctx, client, address); err != nil && ctx.Err() == nil {
			t.cfg.Log.Warn("the stream to the autoscaler broke", "address", address, "error", err)
		}
		if !t.moved(ctx, again) {
			return nil
		}
	}
	return nil
}

// moved waits until the leader may have changed, or for d if that is not 0.
// It is false when ctx has ended.
func (t *Teller) moved(ctx context.Context, d time.Duration) bool {
	var timeout <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-t.cfg.Leader.Moved():
	case <-timeout:
	}
	return true
}

// errMoved ends a stream to somebody who leads no longer.
var errMoved = errors.New("another one leads")

// stream sends frames and reads answers until one side ends it.
func (t *Teller) stream(ctx context.Context, client *http.Client, address string) error {
	g, ctx := errgroup.WithContext(ctx)
	body, frames := io.Pipe()
	blocks := make(chan bool, 1) // whether it takes them, once it has answered
	g.Go(func() error { return t.write(ctx, frames, blocks, address) })
	g.Go(func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+stat.LoadPath, body)
		if err != nil {
			return err
		}
		if err := t.identify(ctx, req); err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", resp.Status)
		}
		blocks <- takesBlocks(resp.Header)
		return t.read(resp.Body)
	})
	err := g.Wait()
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// takesBlocks tells whether an autoscaler says so; one of before there were
// blocks does not.
func takesBlocks(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Accept-Post"), func(v string) bool { return strings.Contains(v, stat.BlockType) })
}

// identify says who streams.
func (t *Teller) identify(ctx context.Context, req *http.Request) error {
	if t.cfg.Token == nil {
		return nil
	}
	token, err := t.cfg.Token(ctx)
	if err != nil {
		return err
	}
	req.Header.Set(contract.HeaderToken, token)
	return nil
}

// write sends frames until ctx ends or somebody else leads.
func (t *Teller) write(ctx context.Context, to *io.PipeWriter, blocks <-chan bool, address string) error {
	stop := context.AfterFunc(ctx, func() { to.CloseWithError(ctx.Err()) })
	defer stop()
	defer to.Close()
	defer t.open.Store(false)
	var frames <-chan *stat.Frame
	var send func(first *stat.Frame) error
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case yes := <-blocks:
			frames, send = t.frames, t.lines(to)
			if yes {
				send = t.blocks(to)
			}
			t.begin()
		case f := <-frames:
			if err := send(f); err != nil {
				return err
			}
		case <-t.cfg.Leader.Moved():
			if t.cfg.Leader.Address() != address {
				return errMoved
			}
		}
	}
}

// begin has everything told from now on: who waits for a pod asks again, and
// what is left from the stream before is past.
func (t *Teller) begin() {
	for t.waiting() != nil {
	}
	t.open.Store(true)
	t.mu.Lock()
	for revision := range t.waits {
		t.send(t.wake(revision))
	}
	t.mu.Unlock()
	select {
	case t.opened <- struct{}{}:
	default:
	}
}

// lines sends a frame in a line.
func (t *Teller) lines(to io.Writer) func(*stat.Frame) error {
	enc := json.NewEncoder(to)
	return func(f *stat.Frame) error { return enc.Encode(f) }
}

// blocks sends a frame, and in one block with it those that wait behind it.
func (t *Teller) blocks(to io.Writer) func(first *stat.Frame) error {
	p := stat.NewPacker(t.cfg.ID)
	return func(f *stat.Frame) error {
		for p.Add(f) {
			if f = t.waiting(); f == nil {
				break
			}
		}
		if _, err := to.Write(p.Take()); err != nil || f == nil {
			return err
		}
		p.Add(f) // the block was full
		_, err := to.Write(p.Take())
		return err
	}
}

// waiting is a frame that waits, or nil.
func (t *Teller) waiting() *stat.Frame {
	select {
	case f := <-t.frames:
		return f
	default:
		return nil
	}
}

// read hands out answers until the stream ends.
func (t *Teller) read(from io.Reader) error {
	dec := json.NewDecoder(from)
	for {
		var ack stat.Ack
		if err := dec.Decode(&ack); err != nil {
			return err
		}
		if ack.Trouble != "" {
			t.source.Trouble(activator.Key{Namespace: ack.Namespace, Revision: ack.Revision}, ack.Trouble)
			continue
		}
		t.answered(ack)
	}
}
