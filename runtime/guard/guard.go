package guard

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Account is a ServiceAccount; the zero Account is nobody.
type Account struct{ Namespace, Name string }

// Reviewer says whose a token is; of one that does not hold, nobody's. An error
// means that it cannot be said now.
type Reviewer func(ctx context.Context, token string) (Account, error)

// Guard knows tokens. It is safe for concurrent use.
type Guard struct {
	review Reviewer
	log    *slog.Logger
	memory memory
	now    func() time.Time
}

// New makes a Guard that knows no token yet.
func New(review Reviewer, log *slog.Logger) *Guard {
	return &Guard{review: review, log: log, now: time.Now}
}

// Protect passes on to next what comes with a token of one of these accounts of
// the platform's own namespace.
func (g *Guard) Protect(next http.Handler, accounts ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, why := g.verdict(r, accounts); status != http.StatusOK {
			http.Error(w, why, status)
			return
		}
		r.Header.Del(contract.HeaderToken) // nobody behind needs it
		next.ServeHTTP(w, r)
	})
}

// verdict is 200 for who may come in.
func (g *Guard) verdict(r *http.Request, accounts []string) (status int, why string) {
	token := tokenOf(r)
	if token == "" {
		return http.StatusUnauthorized, fmt.Sprintf(
			"a token is wanted here: ask by way of `sluice`, or make one with `kubectl -n %s create token %s --audience %s` and send it as %s",
			contract.Namespace, contract.Operator, contract.AdminAudience, contract.HeaderToken)
	}
	who, err := g.account(r.Context(), token)
	switch {
	case err != nil:
		g.log.Warn("a token cannot be reviewed", "error", err)
		return http.StatusServiceUnavailable, "the token cannot be reviewed now; come back"
	case who == Account{}:
		return http.StatusUnauthorized, "the token does not hold: it has ended, or is not for " + contract.AdminAudience
	case who.Namespace != contract.Namespace || !slices.Contains(accounts, who.Name):
		return http.StatusForbidden, fmt.Sprintf("ServiceAccount %s/%s may not ask this; %s/%s may",
			who.Namespace, who.Name, contract.Namespace, strings.Join(accounts, ", "+contract.Namespace+"/"))
	}
	return http.StatusOK, ""
}

// tokenOf is a request's token; as Authorization too, from who asks without the
// API server between.
func tokenOf(r *http.Request) string {
	if token := r.Header.Get(contract.HeaderToken); token != "" {
		return token
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// account is whose a token is.
func (g *Guard) account(ctx context.Context, token string) (Account, error) {
	now := g.now()
	known, fresh := g.memory.recall(token, now)
	if fresh {
		return known, nil
	}
	who, err := g.review(ctx, token)
	if err != nil {
		if known != (Account{}) {
			return known, nil
		}
		return Account{}, err
	}
	g.memory.remember(token, who, now)
	return who, nil
}
