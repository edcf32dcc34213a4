package jetstream

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Whoever holds a subscription alone answers on a subject that its entry names.
// When its process dies the server knows at once that nobody listens there any
// more, and who waits need not wait until the entry is gone by its age. One that
// has merely lost its connection gives up before that, so that never two hold.
const (
	alivePrefix = "alive "
	// askEvery is how often one who waits asks, askTimes how often in a row
	// nobody may be there until the entry is removed.
	askEvery = 500 * time.Millisecond
	askTimes = 4
	// giveUpAfter is how long a holder may be without a connection: less than
	// all asks of another one take.
	giveUpAfter = time.Second
)

// alive is what the entries of this Bus say: where it answers.
func (b *Bus) alive() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answering == nil {
		sub, err := b.conn.Subscribe(b.conn.NewInbox(), func(m *nats.Msg) { _ = m.Respond(nil) })
		if err != nil {
			return nil, err
		}
		b.answering = sub
	}
	return []byte(alivePrefix + b.answering.Subject), nil
}

// isAway tells whether it is certain that who made an entry is not there.
func (b *Bus) isAway(ctx context.Context, entry jetstream.KeyValueEntry) bool {
	subject, says := strings.CutPrefix(string(entry.Value()), alivePrefix)
	if !says {
		return false // made by an earlier version
	}
	ctx, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	_, err := b.conn.RequestWithContext(ctx, subject, nil)
	return errors.Is(err, nats.ErrNoResponders)
}

// watchConnection gives up what is held alone when the connection stays lost.
func (b *Bus) watchConnection() {
	b.cut = time.AfterFunc(time.Hour, func() {
		if b.conn.IsConnected() {
			return
		}
		for _, s := range b.open() {
			if s.holder != nil {
				s.holder.lose()
			}
		}
	})
	b.cut.Stop()
	told := b.conn.Opts.DisconnectedErrCB
	b.conn.SetDisconnectErrHandler(func(c *nats.Conn, err error) {
		b.cut.Reset(giveUpAfter)
		told(c, err)
	})
}
