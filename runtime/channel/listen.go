package channel

import (
	"context"
	"net"
	"net/http"

	"github.com/sluice-dev/sluice/runtime/channel/inlet"
)

// Server takes events from a listener: the same as Ingress, for less where they
// are posted plainly.
func (d *Dispatcher) Server(l net.Listener) *inlet.Server {
	return inlet.New(l, inlet.Config{Find: d.taker, Refusal: answerTo, Else: d.Ingress(), Log: d.cfg.Log})
}

// taker is who takes events for a host and a path, nil where the answer is
// another one.
func (d *Dispatcher) taker(host, path string) inlet.Take {
	c, err := d.find(host, path)
	if err != nil || c.topic == nil {
		return nil
	}
	return c.take
}

// opens gives a channel with a topic its Take.
func (d *Dispatcher) opens(c *live) {
	if c.topic == nil {
		return
	}
	c.take = func(ctx context.Context, h http.Header, body []byte) error {
		if most := c.maxBytes(); int64(len(body)) > most {
			c.count.refused.Add(1)
			return tooLarge(most)
		}
		err := d.accept(ctx, c, h, body)
		if err != nil {
			c.count.refused.Add(1)
		}
		return err
	}
}
