package activator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/front"
)

// door is one address where requests come in.
type door struct {
	server   *front.Server
	listener net.Listener
}

// open listens for requests when Wait is over; no door and no error is an end
// before that.
func (s *Server) open(ctx context.Context) ([]door, error) {
	if s.cfg.Wait != nil {
		if err := s.cfg.Wait(ctx); ctx.Err() != nil {
			return nil, nil // it was told to stop
		} else if err != nil {
			return nil, fmt.Errorf("activator: wait: %w", err)
		}
	}
	main, err := s.door(ctx, s.cfg.Listen, s.cfg.Handler)
	if err != nil || s.cfg.Inside == "" {
		return main, err
	}
	inside, err := s.door(ctx, s.cfg.Inside, s.cfg.InsideHandler)
	if err != nil {
		return nil, errors.Join(err, main[0].listener.Close())
	}
	return append(main, inside...), nil
}

func (s *Server) door(ctx context.Context, address string, h http.Handler) ([]door, error) {
	ln, err := listen(ctx, address, s.cfg.ReusePort)
	if err != nil {
		return nil, fmt.Errorf("activator: listen: %w", err)
	}
	return []door{{front.New(s.httpServer(s.closing(h))), ln}}, nil
}

// drain ends the doors' servers so that no request is lost.
func (s *Server) drain(doors []door) error {
	if s.cfg.OnStop != nil {
		s.cfg.OnStop()
	}
	s.succeeded()
	s.stopping.Store(true)
	s.cfg.Log.Info("activator stopping", "delay", s.cfg.StopDelay)
	time.Sleep(s.cfg.StopDelay) // requests are served meanwhile; nothing can cut this short
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout)
	defer cancel()
	ended := make(chan error, len(doors))
	for _, d := range doors {
		go func() {
			err := d.server.Shutdown(ctx)
			if err != nil {
				_ = d.server.Close()
				err = fmt.Errorf("activator: requests cut off after %s: %w", s.cfg.DrainTimeout, err)
			}
			ended <- err
		}()
	}
	var err error
	for range doors {
		err = errors.Join(err, <-ended)
	}
	upgraded, cancel := context.WithTimeout(context.Background(), s.cfg.UpgradedTimeout)
	defer cancel()
	s.cfg.Drainer.Drain(upgraded)
	return err
}

// succeeded waits for the successor. The cluster's balancers send requests here
// for as long as they know of nobody else.
func (s *Server) succeeded() {
	if s.cfg.Succeeded == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.SuccessorTimeout)
	defer cancel()
	s.cfg.Succeeded(ctx)
	if ctx.Err() != nil {
		s.cfg.Log.Warn("activator stops though nobody else takes requests", "waited", s.cfg.SuccessorTimeout)
	}
}
