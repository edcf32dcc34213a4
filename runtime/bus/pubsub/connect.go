package pubsub

import (
	"errors"
	"io"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxHeldBytes bounds what is held unsettled, beside the window.
	maxHeldBytes = 128 << 20
	againFirst   = 100 * time.Millisecond // after the service ended a pull
	againLast    = 10 * time.Second
	// lastWords is how long the service has to end a pull by itself.
	lastWords = 2 * time.Second
)

// connect opens the streaming pull.
func (s *stream) connect() error {
	pull, err := s.bus.subscriptions.StreamingPull(s.ctx)
	if err == nil {
		err = pull.Send(&pubsubpb.StreamingPullRequest{
			Subscription: s.path, StreamAckDeadlineSeconds: int32(s.bus.lease / time.Second),
			MaxOutstandingMessages: int64(s.window), MaxOutstandingBytes: maxHeldBytes,
		})
	}
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	s.pull = pull
	return nil
}

// receive queues what comes. The service ends every pull after a while; what is
// held outlives it.
func (s *stream) receive() {
	defer close(s.ended)
	wait := againFirst
	for {
		began := time.Now()
		err := s.drain()
		if time.Since(began) > againLast {
			wait = againFirst
		}
		for err != nil && s.again(err) {
			s.bus.log.Debug("streaming pull ended, is opened again", "subscription", s.path, "error", err)
			select {
			case <-s.ctx.Done():
			case <-time.After(wait):
			}
			wait = min(2*wait, againLast)
			err = s.connect()
		}
		if err != nil {
			s.end(wrap("subscription", lastPart(s.path), err))
			return
		}
	}
}

// drain receives until the pull ends.
func (s *stream) drain() error {
	for {
		got, err := s.pull.Recv()
		if err != nil {
			return err
		}
		s.hold(got.ReceivedMessages)
	}
}

// again says whether a pull that ended this way is opened again.
func (s *stream) again(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.Internal, codes.Aborted, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return errors.Is(err, io.EOF)
}

// ping shows that someone is there.
func (s *stream) ping() {
	s.sending.Lock()
	defer s.sending.Unlock()
	_ = s.pull.Send(&pubsubpb.StreamingPullRequest{}) // an end is told by Recv
}

// hangUp takes what is under way and ends the pull.
func (s *stream) hangUp() {
	s.sending.Lock()
	_ = s.pull.CloseSend()
	s.sending.Unlock()
	late := time.AfterFunc(lastWords, s.cancel)
	defer late.Stop()
	<-s.ended
	s.cancel()
	s.work.Wait()
}
