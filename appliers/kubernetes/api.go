package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// APIConfig says how to reach an API server.
type APIConfig struct {
	// REST is where it is and who we are; it is copied, never changed. Required.
	REST *rest.Config
	// UserAgent is the name in the server's logs. Default "sluice/engine".
	UserAgent string
	// Wrap, if set, goes around the transport: the place to count requests.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// API is a connection to one API server, shared by appliers, observers,
// events and the rest. There is no client-side throttle: whoever uses it
// bounds its own parallelism, and the server's priority and fairness has the
// last word. All requests share one HTTP/2 connection: spread over two, four or
// eight, a thousand applies took as long.
type API struct {
	rest   *rest.Config
	client *http.Client
	base   string
	kinds  *kinds
}

// NewAPI prepares a connection; nothing is sent yet.
func NewAPI(cfg APIConfig) (*API, error) {
	if cfg.REST == nil {
		return nil, errors.New("kubernetes: APIConfig.REST is required")
	}
	rc := rest.CopyConfig(cfg.REST)
	rc.QPS, rc.Burst = -1, -1
	rc.UserAgent = cfg.UserAgent
	if rc.UserAgent == "" {
		rc.UserAgent = "sluice/engine"
	}
	rc.DisableCompression = true // a cluster's network is faster than gzip
	if cfg.Wrap != nil {
		rc.Wrap(cfg.Wrap)
	}
	client, err := rest.HTTPClientFor(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: client: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(rc)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %s: %w", rc.Host, err)
	}
	a := &API{rest: rc, client: client, base: strings.TrimRight(base.String(), "/")}
	a.kinds = newKinds(a)
	return a, nil
}

// REST is the configuration in use, for clients that are made elsewhere.
func (a *API) REST() *rest.Config { return rest.CopyConfig(a.rest) }

// Client is the HTTP client in use. Clients made with it share connections.
func (a *API) Client() *http.Client { return a.client }

// Close drops idle connections.
func (a *API) Close() { utilnet.CloseIdleConnectionsFor(a.client.Transport) }

// Patch is one server-side apply of body as a field manager.
func (a *API) Patch(ctx context.Context, id manifest.ID, body []byte, manager string, force bool) ([]byte, error) {
	path, err := a.path(ctx, id)
	if err != nil {
		return nil, err
	}
	query := "?fieldManager=" + url.QueryEscape(manager) + "&force=" + strconv.FormatBool(force)
	return a.do(ctx, http.MethodPatch, path+query, "application/apply-patch+yaml", body)
}

// Get reads an object.
func (a *API) Get(ctx context.Context, id manifest.ID) ([]byte, error) {
	path, err := a.path(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.do(ctx, http.MethodGet, path, "", nil)
}

// Delete removes the object with that UID, or with any if uid is empty; what
// it owns is collected in the background.
func (a *API) Delete(ctx context.Context, id manifest.ID, uid string) ([]byte, error) {
	path, err := a.path(ctx, id)
	if err != nil {
		return nil, err
	}
	options := map[string]any{"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
	if uid != "" {
		options["preconditions"] = map[string]string{"uid": uid}
	}
	body, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	return a.do(ctx, http.MethodDelete, path, "application/json", body)
}

// path is an object's URL path.
func (a *API) path(ctx context.Context, id manifest.ID) (string, error) {
	resource, err := a.kinds.resource(ctx, id.KindOf())
	if err != nil {
		return "", err
	}
	if resource.namespaced && id.Namespace != "" {
		return prefix(id.APIVersion) + "/namespaces/" + url.PathEscape(id.Namespace) + "/" + resource.name + "/" + url.PathEscape(id.Name), nil
	}
	return prefix(id.APIVersion) + "/" + resource.name + "/" + url.PathEscape(id.Name), nil
}

// prefix is where a version's resources are.
func prefix(apiVersion string) string {
	if strings.Contains(apiVersion, "/") {
		return "/apis/" + apiVersion
	}
	return "/api/" + apiVersion
}

// do sends one request and reads the whole answer. Answers from 400 on are
// errors that k8s.io/apimachinery/pkg/api/errors understands.
func (a *API) do(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	resp, err := a.send(ctx, method, path, contentType, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	if resp.ContentLength > 0 && resp.ContentLength < 1<<24 {
		answer.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	if _, err := answer.ReadFrom(resp.Body); err != nil {
		return nil, fmt.Errorf("read the API server's answer: %w", err)
	}
	return answer.Bytes(), nil
}

// send sends one request; the caller closes the answer's body.
func (a *API) send(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, bare(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close()
		return nil, statusError(method, resp)
	}
	return resp, nil
}

// bare takes the request's URL off a transport error; the reader knows the object.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// statusError is what the server answered instead of an object.
func statusError(method string, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what could be read is all there is to say
	wait := 0
	if after := resp.Header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err == nil {
			wait = seconds
		} else if at, err := http.ParseTime(after); err == nil {
			wait = max(1, int(time.Until(at).Seconds()))
		}
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) == nil && status.Kind == "Status" && status.Status == metav1.StatusFailure {
		if wait > 0 && (status.Details == nil || status.Details.RetryAfterSeconds == 0) {
			if status.Details == nil {
				status.Details = &metav1.StatusDetails{}
			}
			status.Details.RetryAfterSeconds = int32(wait)
		}
		return &apierrors.StatusError{ErrStatus: status}
	}
	text := strings.TrimSpace(string(body[:min(len(body), 256)]))
	return apierrors.NewGenericServerResponse(resp.StatusCode, strings.ToLower(method), schema.GroupResource{}, "", text, wait, true)
}
