package guard

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	freshFor = time.Minute // without another review
	goodFor  = time.Hour   // where none can be had: how long a role's own token lives
	most     = 1024        // tokens; those of strangers are among them
)

// memory is what was last said of tokens, by their hashes.
type memory struct {
	mu   sync.Mutex // guards what follows
	said map[[sha256.Size]byte]saying
}

type saying struct {
	who Account
	at  time.Time
}

// recall is what is known of a token, and whether that is fresh. What is older
// than goodFor is not known any more.
func (m *memory) recall(token string, now time.Time) (who Account, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.said[sha256.Sum256([]byte(token))]
	age := now.Sub(s.at)
	if !ok || age >= goodFor {
		return Account{}, false
	}
	return s.who, age < freshFor
}

// remember forgets everybody where there are too many: who is known is reviewed
// again.
func (m *memory) remember(token string, who Account, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.said == nil || len(m.said) >= most {
		m.said = map[[sha256.Size]byte]saying{}
	}
	m.said[sha256.Sum256([]byte(token))] = saying{who, now}
}
