package post

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/sluice-dev/sluice/runtime/cloudevents"
)

// postSecure is Post over net/http.
func (t *Target) postSecure(ctx context.Context, e *cloudevents.Event, format string, timeout time.Duration) (Answer, error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	body := e.Data
	if structured(e, format) {
		body = e.AppendJSON(nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if structured(e, format) {
		req.Header.Set("Content-Type", cloudevents.MediaTypeJSON)
	} else {
		e.SetHeaders(req.Header)
	}
	req.Header.Set("User-Agent", "sluice")
	for _, name := range []string{"traceparent", "tracestate"} {
		if v := trace(e, name); v != "" {
			req.Header.Set(name, v)
		}
	}
	resp, err := t.https.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	return readAnswer(resp, t.client.cfg.MaxAnswer)
}
