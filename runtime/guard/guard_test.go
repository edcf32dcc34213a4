package guard

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/schema/contract"
)

// office is a Reviewer that knows tokens, and counts who asks.
type office struct {
	tokens map[string]Account
	err    error
	asked  int
}

func (o *office) review(_ context.Context, token string) (Account, error) {
	o.asked++
	return o.tokens[token], o.err
}

func opened(o *office) (*Guard, http.Handler) {
	g := New(o.review, slog.New(slog.DiscardHandler))
	return g, g.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "in"+r.Header.Get(contract.HeaderToken))
	}), contract.Operator, contract.Engine)
}

func ask(h http.Handler, header, token string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/v1/events/replay", nil)
	if token != "" {
		r.Header.Set(header, token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestProtect_LetsInWhoMayComeIn(t *testing.T) {
	_, h := opened(&office{tokens: map[string]Account{
		"operator": {contract.Namespace, contract.Operator},
		"engine":   {contract.Namespace, contract.Engine},
		"channels": {contract.Namespace, contract.Channels},
		"shop":     {"shop", contract.Operator},
	}})
	for _, c := range []struct {
		name, header, token string
		status              int
		says                string
	}{
		{"the operator", contract.HeaderToken, "operator", 200, "in"},
		{"another account that may", contract.HeaderToken, "engine", 200, "in"},
		{"without the API server between", "Authorization", "Bearer operator", 200, "in"},
		{"no token", contract.HeaderToken, "", 401, "kubectl -n sluice-system create token operator --audience sluice.dev/admin"},
		{"a token that nobody knows", contract.HeaderToken, "made-up", 401, "does not hold"},
		{"no bearer", "Authorization", "Basic b3BlcmF0b3I=", 401, "does not hold"},
		{"an account that may not", contract.HeaderToken, "channels", 403, "ServiceAccount sluice-system/channels may not ask this; sluice-system/operator, sluice-system/engine may"},
		{"the same name elsewhere", contract.HeaderToken, "shop", 403, "ServiceAccount shop/operator may not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, says := ask(h, c.header, c.token); status != c.status || !strings.Contains(says, c.says) {
				t.Errorf("%d %s", status, says)
			}
		})
	}
}

func TestProtect_AsksOnceAMinute(t *testing.T) {
	o := &office{tokens: map[string]Account{"good": {contract.Namespace, contract.Operator}}}
	g, h := opened(o)
	clock := time.Unix(1, 0)
	g.now = func() time.Time { return clock }
	for range 3 {
		ask(h, contract.HeaderToken, "good")
		ask(h, contract.HeaderToken, "bad")
	}
	if o.asked != 2 {
		t.Errorf("asked %d times", o.asked)
	}
	clock = clock.Add(freshFor)
	delete(o.tokens, "good") // taken back
	if status, _ := ask(h, contract.HeaderToken, "good"); status != 401 {
		t.Errorf("a token that was taken back: %d", status)
	}
}

func TestProtect_WhoWasGoodStaysGoodWhileNobodyCanSay(t *testing.T) {
	o := &office{tokens: map[string]Account{"good": {contract.Namespace, contract.Operator}}}
	g, h := opened(o)
	clock := time.Unix(1, 0)
	g.now = func() time.Time { return clock }
	ask(h, contract.HeaderToken, "good")
	ask(h, contract.HeaderToken, "bad")
	o.err = errors.New("the API server is away")
	clock = clock.Add(freshFor)
	for token, want := range map[string]int{"good": 200, "bad": 503, "new": 503} {
		if status, says := ask(h, contract.HeaderToken, token); status != want || strings.Contains(says, "API server") {
			t.Errorf("%s: %d %s", token, status, says)
		}
	}
	clock = clock.Add(goodFor)
	if status, _ := ask(h, contract.HeaderToken, "good"); status != 503 {
		t.Errorf("after an hour: %d", status)
	}
}

func TestProtect_StrangersDoNotFillTheMemory(t *testing.T) {
	g, h := opened(&office{})
	for i := range 3 * most {
		ask(h, contract.HeaderToken, strconv.Itoa(i))
	}
	if n := len(g.memory.said); n > most {
		t.Errorf("%d tokens are remembered", n)
	}
}
