package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/miekg/dns"
)

// maxChain is how many aliases are followed.
const maxChain = 8

// Config of a Server.
type Config struct {
	// Source is what the cluster knows. Required.
	Source Source
	// UDP and TCP are where questions come in. Required; closed by Run.
	UDP net.PacketConn
	TCP net.Listener
	// Upstream are the name servers, host:port, for every other name. Default:
	// there is none, and other names are refused.
	Upstream []string
	// Log gets what goes wrong. Required.
	Log *slog.Logger
}

// Server answers questions.
type Server struct {
	cfg Config
}

// New builds a server; it starts nothing.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// Run serves until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	servers := []*dns.Server{{PacketConn: s.cfg.UDP, Handler: s}, {Listener: s.cfg.TCP, Handler: s}}
	ended := make(chan error, len(servers))
	started := make(chan struct{}, len(servers))
	for _, srv := range servers {
		srv.NotifyStartedFunc = func() { started <- struct{}{} }
		go func() { ended <- srv.ActivateAndServe() }()
	}
	for range servers { // one that has not started cannot be shut down
		select {
		case <-started:
		case err := <-ended:
			return fmt.Errorf("dns: %w", err)
		}
	}
	var first error
	left := len(servers)
	select {
	case <-ctx.Done():
	case first = <-ended:
		left--
	}
	for _, srv := range servers {
		_ = srv.Shutdown() // fails only for one that has ended
	}
	for range left {
		first = errors.Join(first, <-ended)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("dns: %w", first)
}

// ServeDNS answers one question.
func (s *Server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	reply := s.reply(w.LocalAddr().Network(), r)
	if edns := r.IsEdns0(); edns != nil && reply.IsEdns0() == nil {
		reply.SetEdns0(edns.UDPSize(), false)
	}
	if w.LocalAddr().Network() == "udp" {
		reply.Truncate(size(r))
	}
	if err := w.WriteMsg(reply); err != nil {
		s.cfg.Log.Debug("dns: answer", "to", w.RemoteAddr(), "error", err)
	}
}

// size is how long an answer by UDP may be.
func size(r *dns.Msg) int {
	if edns := r.IsEdns0(); edns != nil {
		return max(int(edns.UDPSize()), dns.MinMsgSize)
	}
	return dns.MinMsgSize
}

func (s *Server) reply(network string, r *dns.Msg) *dns.Msg {
	if r.Opcode != dns.OpcodeQuery || len(r.Question) != 1 {
		return new(dns.Msg).SetRcode(r, dns.RcodeNotImplemented)
	}
	if !dns.IsSubDomain(Zone, r.Question[0].Name) {
		return s.forward(network, r)
	}
	return s.own(network, r)
}

// own answers from the cluster, following aliases.
func (s *Server) own(network string, r *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(r)
	reply.Authoritative, reply.RecursionAvailable = true, true
	q := r.Question[0]
	for range maxChain {
		a := lookup(s.cfg.Source, q)
		reply.Answer, reply.Extra = append(reply.Answer, a.records...), append(reply.Extra, a.extra...)
		if a.further == "" {
			if !a.known {
				reply.Rcode = dns.RcodeNameError
			}
			if len(reply.Answer) == 0 {
				reply.Ns = append(reply.Ns, authority())
			}
			return reply
		}
		q.Name = a.further
		if !dns.IsSubDomain(Zone, q.Name) {
			return s.followed(network, reply, q)
		}
	}
	return new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
}

// followed ends a chain that leads out of the cluster.
func (s *Server) followed(network string, reply *dns.Msg, q dns.Question) *dns.Msg {
	there := s.forward(network, new(dns.Msg).SetQuestion(q.Name, q.Qtype))
	reply.Authoritative = false
	reply.Rcode, reply.Answer = there.Rcode, append(reply.Answer, there.Answer...)
	return reply
}

// authority says how long it may be remembered that there is nothing.
func authority() dns.RR {
	return &dns.SOA{
		Hdr: header(Zone, dns.TypeSOA), Ns: "ns.dns." + Zone, Mbox: "hostmaster." + Zone,
		Serial: 1, Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: ttl,
	}
}
