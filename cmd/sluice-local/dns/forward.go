package dns

import (
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// patience is how long one name server is waited for.
const patience = 2 * time.Second

// forward asks the machine's name servers, one after the other, the way that
// we were asked.
func (s *Server) forward(network string, r *dns.Msg) *dns.Msg {
	if len(s.cfg.Upstream) == 0 {
		return new(dns.Msg).SetRcode(r, dns.RcodeRefused)
	}
	client := &dns.Client{Net: network, Timeout: patience, UDPSize: dns.MaxMsgSize}
	for _, server := range s.cfg.Upstream {
		reply, _, err := client.Exchange(r, server)
		if err == nil {
			return reply
		}
		s.cfg.Log.Debug("dns: upstream", "server", server, "error", err)
	}
	return new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
}

// Upstream are the name servers of a file such as /etc/resolv.conf; none for "".
func Upstream(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	c, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("dns: %s: %w", path, err)
	}
	var servers []string
	for _, s := range c.Servers {
		servers = append(servers, net.JoinHostPort(s, c.Port))
	}
	return servers, nil
}
