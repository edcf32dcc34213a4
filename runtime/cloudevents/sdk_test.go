package cloudevents

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// foreign is what the Go SDK makes of a sample whose values need no encoding,
// which the SDK does not do.
func foreign(t testing.TB) event.Event {
	t.Helper()
	e := sample()
	f := event.New()
	f.SetID(e.ID)
	f.SetSource(e.Source)
	f.SetType(e.Type)
	f.SetSubject(e.Subject)
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		t.Fatal(err)
	}
	f.SetTime(at)
	f.SetExtension("comexampleextension1", "value")
	f.SetExtension("comexampleothervalue", 5)
	if err := f.SetData(e.DataContentType, json.RawMessage(e.Data)); err != nil {
		t.Fatal(err)
	}
	return f
}

func body(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

func TestSDK_IsUnderstood(t *testing.T) {
	f := foreign(t)
	for name, encode := range map[string]func(context.Context) context.Context{
		"binary": binding.WithForceBinary, "structured": binding.WithForceStructured,
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPost, "/", nil)
			if err := cehttp.WriteRequest(encode(t.Context()), binding.ToMessage(&f), req); err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := FromHTTP(req.Header, body)
			want := sample()
			if name == "binary" {
				want.Extensions[1].Kind = Text
			}
			same(t, name, got, err, want)
		})
	}
}

func TestSDK_Understands(t *testing.T) {
	e := sample()
	structured := httptest.NewRequest(http.MethodPost, "/", nil)
	structured.Header.Set("Content-Type", MediaTypeJSON)
	binary := httptest.NewRequest(http.MethodPost, "/", nil)
	e.SetHeaders(binary.Header)
	for name, message := range map[string]*cehttp.Message{
		"binary":     cehttp.NewMessage(binary.Header, body(e.Data)),
		"structured": cehttp.NewMessage(structured.Header, body(e.AppendJSON(nil))),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := binding.ToEvent(t.Context(), message)
			if err != nil {
				t.Fatal(err)
			}
			want := foreign(t)
			if got.ID() != want.ID() || got.Source() != want.Source() || got.Type() != want.Type() || got.Subject() != want.Subject() ||
				!got.Time().Equal(want.Time()) || !reflect.DeepEqual(got.Data(), want.Data()) || len(got.Extensions()) != len(want.Extensions()) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestSDK_UnderstandsABatch(t *testing.T) {
	e := sample()
	req := httptest.NewRequest(http.MethodPost, "/", body(AppendBatch(nil, []Event{e, e})))
	req.Header.Set("Content-Type", MediaTypeBatch)
	got, err := cehttp.NewEventsFromHTTPRequest(req)
	if err != nil || len(got) != 2 || got[1].ID() != e.ID {
		t.Errorf("got %v, %v", got, err)
	}
}
