package jetstream

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const startTimeout = 30 * time.Second

// Server is a NATS server in this process that no one else can connect to.
type Server struct {
	nats *server.Server
	lock *os.File
	once sync.Once
}

// Start runs a server on a directory that no other process uses.
func Start(dir string, sync time.Duration, log *slog.Logger) (*Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("jetstream: %s is in use by another process: %w", dir, err)
	}
	options := &server.Options{
		ServerName: "sluice", DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir,
		MaxPayload: maxPayload, MaxPending: 256 << 20, SyncInterval: cmp.Or(sync, DefaultSync),
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 50, // topics are bounded, one by one
	}
	if sync == SyncAlways {
		options.SyncInterval, options.SyncAlways = DefaultSync, true
	}
	ns, err := server.NewServer(options)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("jetstream: %w", err), lock.Close())
	}
	ns.SetLoggerV2(logger{log}, false, false, false)
	s := &Server{nats: ns, lock: lock}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		s.Stop()
		return nil, fmt.Errorf("jetstream: not ready after %v", startTimeout)
	}
	return s, nil
}

// Stop flushes the files and ends the server.
func (s *Server) Stop() {
	s.once.Do(func() {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
		_ = s.lock.Close()
	})
}

// logger passes on what an operator has to know.
type logger struct{ log *slog.Logger }

func (logger) Noticef(string, ...any) {}
func (logger) Debugf(string, ...any)  {}
func (logger) Tracef(string, ...any)  {}

func (l logger) Warnf(format string, args ...any) {
	l.log.Debug("jetstream", "message", fmt.Sprintf(format, args...))
}

func (l logger) Errorf(format string, args ...any) {
	l.log.Error("jetstream", "message", fmt.Sprintf(format, args...))
}

func (l logger) Fatalf(format string, args ...any) {
	l.log.Error("jetstream ends", "message", fmt.Sprintf(format, args...))
}
