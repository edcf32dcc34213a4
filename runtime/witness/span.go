package witness

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sluice-dev/sluice/schema/contract"
)

// Traces make spans.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	w3c      propagation.TraceContext
}

// NewTraces sends spans by OTLP over HTTP to endpoint, such as
// http://collector:4318; what else there is to set comes from OpenTelemetry's own
// variables (OTEL_EXPORTER_OTLP_HEADERS and so on). Of requests that bring no
// trace context a share is sampled, 0 to 1; of others what their context says.
func NewTraces(ctx context.Context, endpoint string, share float64) (*Traces, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("traces: %s: %w", endpoint, err)
	}
	return newTraces(sdk.WithBatcher(exporter), share), nil
}

func newTraces(to sdk.TracerProviderOption, share float64) *Traces {
	p := sdk.NewTracerProvider(to,
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(share))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "sluice-"+contract.Activator))),
	)
	return &Traces{provider: p, tracer: p.Tracer("github.com/sluice-dev/sluice/runtime/witness")}
}

// Close sends what is left, until ctx ends.
func (t *Traces) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// begin starts a span; the request that is returned carries its context.
func (t *Traces) begin(r *http.Request) (*http.Request, func(*answer, *http.Request)) {
	carrier := propagation.HeaderCarrier(r.Header)
	ctx, span := t.tracer.Start(t.w3c.Extract(r.Context(), carrier), r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method),
		attribute.String("url.path", r.URL.EscapedPath()),
		attribute.String("server.address", r.Host),
		attribute.String("client.address", r.RemoteAddr),
		attribute.String("network.protocol.version", strings.TrimPrefix(r.Proto, "HTTP/")),
	))
	t.w3c.Inject(ctx, carrier)
	return r, func(a *answer, r *http.Request) {
		span.SetAttributes(
			attribute.Int("http.response.status_code", a.final()),
			attribute.Int64("http.response.body.size", a.bytes),
			attribute.String("k8s.namespace.name", r.Header.Get(contract.HeaderNamespace)),
			attribute.String("kn.revision.name", r.Header.Get(contract.HeaderRevision)),
		)
		if a.broken || a.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(a.final()))
		}
		span.End()
	}
}
