package peer

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

const (
	// dialTimeout bounds one attempt to reach another activator.
	dialTimeout = time.Second
	// dialAgain is the pause between two attempts.
	dialAgain = 50 * time.Millisecond
)

// protocol is what the connection is upgraded to.
const protocol = "sluice-places/1"

// keep has a connection to another activator until ctx ends.
func (p *Peers) keep(ctx context.Context, name, addr string, k *known) {
	for ctx.Err() == nil {
		l, err := p.dial(ctx, addr)
		if err == nil {
			err = p.borrowFrom(ctx, newLender(name, l), k)
			p.cfg.Log.Info("another activator went", "activator", name, "reason", err)
		} else {
			p.cfg.Log.Debug("another activator is not there", "activator", name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(dialAgain):
		}
	}
}

// dial opens a link to another activator.
func (p *Peers) dial(ctx context.Context, addr string) (*link, error) {
	d := net.Dialer{Timeout: dialTimeout}
	if p.cfg.From.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: p.cfg.From.AsSlice()}
	}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	br, err := p.greet(ctx, nc, addr)
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return newLink(nc, br), nil
}

// greet asks for the protocol.
func (p *Peers) greet(ctx context.Context, nc net.Conn, addr string) (*bufio.Reader, error) {
	_ = nc.SetDeadline(time.Now().Add(dialTimeout)) // fails only where what follows does
	req, err := http.NewRequest(http.MethodGet, "http://"+addr+contract.PathPlaces, nil)
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {protocol}, contract.HeaderPeer: {p.cfg.Self}}
	if p.cfg.Token != nil {
		token, err := p.cfg.Token(ctx)
		if err != nil {
			return nil, err
		}
		req.Header.Set(contract.HeaderToken, token)
	}
	if err := req.Write(nc); err != nil {
		return nil, err
	}
	br := bufio.NewReader(nc)
	res, err := http.ReadResponse(br, req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	return br, nc.SetDeadline(time.Time{})
}

// borrowFrom has another activator take part for as long as the link stands.
func (p *Peers) borrowFrom(ctx context.Context, l *lender, k *known) error {
	stop := context.AfterFunc(ctx, l.link.close)
	defer stop()
	p.work.Go(l.link.write)
	p.mu.Lock()
	k.lender, k.leaves = l, false
	p.change()
	p.mu.Unlock()
	err := l.link.read(func(f *frame) error { return p.heard(l, k, f) })
	p.mu.Lock()
	k.lender = nil
	p.change()
	p.mu.Unlock()
	l.end()
	return err
}

// heard does what an owner says.
func (p *Peers) heard(l *lender, k *known, f *frame) error {
	switch f.kind {
	case place, full, again:
		l.answered(f)
	case tell:
		p.mu.Lock()
		defer p.mu.Unlock()
		l.round = f.id
		p.activator.Tell(l)
		p.told(l)
	case leaving:
		p.mu.Lock()
		defer p.mu.Unlock()
		k.leaves = true
		p.change()
	default:
		return fmt.Errorf("%w: an owner does not say %d", errFrame, f.kind)
	}
	return nil
}
