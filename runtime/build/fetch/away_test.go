package fetch_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/build/fetch"
)

func TestAway_TellsWhatMayComeBackFromWhatStays(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(ill.Close)
	none := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(none.Close)
	for url, want := range map[string]bool{gone.URL: true, ill.URL: true, none.URL: false} {
		_, err := get(t, fetch.Git{URL: url + "/code.git", Revision: "main", Home: t.TempDir()})
		if err == nil || fetch.Away(err) != want {
			t.Errorf("%v: away is %v, want %v", err, fetch.Away(err), want)
		}
	}
	for err, want := range map[error]bool{
		&net.DNSError{Err: "no such host"}: true, errors.New("no branch"): false, context.Canceled: false,
	} {
		if fetch.Away(err) != want {
			t.Errorf("%v: want %v", err, want)
		}
	}
	if _, err := get(t, fetch.Git{URL: none.URL + "/code.git", Revision: strings.Repeat("0", 40), Home: t.TempDir()}); fetch.Away(err) {
		t.Errorf("%v", err)
	}
}
