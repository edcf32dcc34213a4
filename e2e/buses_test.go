package e2e

import (
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"
)

// brokers are the NATS servers of stories, by the folder that they keep.
var brokers = map[string]*server.Server{}

// nats up [USER PASSWORD]: run a NATS server with JetStream outside the cluster,
// for one user if one is named, on the address that $NATS has from then on. nats
// down: end it; what it keeps it keeps.
func nats(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && len(args) != 3 || args[0] != "up" && args[0] != "down" {
		ts.Fatalf("usage: nats up [USER PASSWORD]|down")
	}
	dir := ts.Getenv("WORK") + "/nats"
	if args[0] == "down" {
		stopNATS(dir)
		return
	}
	if ts.Getenv("NATS") == "" {
		address, err := freeAddress()
		ts.Check(err)
		ts.Setenv("NATS", address)
	}
	host, port, err := net.SplitHostPort(ts.Getenv("NATS"))
	ts.Check(err)
	number, err := strconv.Atoi(port)
	ts.Check(err)
	options := &server.Options{Host: host, Port: number, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true}
	if len(args) == 3 {
		options.Username, options.Password = args[1], args[2]
	}
	s, err := server.NewServer(options)
	ts.Check(err)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		ts.Fatalf("the NATS server does not listen at %s", ts.Getenv("NATS"))
	}
	brokers[dir] = s
	ts.Defer(func() { stopNATS(dir) })
}

// sends CHANNEL ARGS...: within a while, sluice events send has the event stored.
func sends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: sends CHANNEL ARGS...")
	}
	program, err := binary("sluice")
	ts.Check(err)
	await(ts, "stored", func() string {
		out, err := exec.Command(program, append([]string{"--kubeconfig", under.kubeconfig, "events", "send"}, args...)...).CombinedOutput()
		if err != nil {
			return string(out)
		}
		return "stored"
	})
}

func stopNATS(dir string) {
	if s := brokers[dir]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		delete(brokers, dir)
	}
}
