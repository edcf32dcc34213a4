package load

import (
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema"
)

// Previews is which refs beside the trusted branch may run, within what the
// installation permits.
type Previews struct {
	// Refs are patterns of full reference names; one `*` stands for any text.
	// Default: refs/heads/preview/*. An empty list is none.
	Refs *[]string `json:"refs,omitempty"`
	// Allow are patterns of refs outside refs/heads/, such as pull requests,
	// that need no signature.
	Allow []string `json:"allow,omitempty"`
	// Signers are keys, one of which must have signed the newest commit of any
	// other ref outside refs/heads/: SSH public keys as in authorized_keys, or
	// armored OpenPGP public keys.
	Signers []string `json:"signers,omitempty"`
	// Percent is the most that all previews of a service get of its requests.
	// Default 0: they are reached by their tags alone.
	Percent int64 `json:"percent,omitempty"`
	// TTL is how old a ref's newest commit may be. Default 72h.
	TTL string `json:"ttl,omitempty"`
	// Most is how many refs are open at once. Default 10.
	Most *int `json:"most,omitempty"`
}

// Age is the TTL; 0 if none is written.
func (p *Previews) Age() time.Duration {
	d, err := time.ParseDuration(p.TTL)
	if err != nil {
		return 0
	}
	return d
}

func (p *Previews) check(doc schema.Document) []schema.Problem {
	if p == nil {
		return nil
	}
	var problems []schema.Problem
	bad := func(path, text string) { problems = append(problems, doc.Problem("previews."+path, text)) }
	if p.Refs != nil {
		checkPatterns(*p.Refs, "refs", bad)
	}
	checkPatterns(p.Allow, "allow", bad)
	if p.Percent < 0 || p.Percent > 100 {
		bad("percent", "want a whole number of percents, from 0 to 100")
	}
	if d, err := time.ParseDuration(p.TTL); p.TTL != "" && (err != nil || d <= 0) {
		bad("ttl", "want a duration, such as `72h`")
	}
	if p.Most != nil && *p.Most < 0 {
		bad("most", "want a number of refs, 0 or more")
	}
	for i, key := range p.Signers {
		if !strings.HasPrefix(key, "ssh-") && !strings.HasPrefix(key, "ecdsa-") && !strings.HasPrefix(key, "sk-") && !strings.Contains(key, "BEGIN PGP PUBLIC KEY BLOCK") {
			bad(indexed("signers", i), "want an SSH public key, such as `ssh-ed25519 AAAA...`, or an armored OpenPGP public key")
		}
	}
	return problems
}

func checkPatterns(patterns []string, list string, bad func(path, text string)) {
	for i, pattern := range patterns {
		if !strings.HasPrefix(pattern, "refs/") || strings.Count(pattern, "*") > 1 || strings.ContainsAny(pattern, " ~^:?[\\") {
			bad(indexed(list, i), "want a full reference name with at most one `*`, such as `refs/heads/preview/*` or `refs/pull/*/head`")
		}
	}
}
