package role

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/runtime/witness"
)

// witnessOptions are what an operator wants to know of each request.
type witnessOptions struct {
	requestLog string
	traces     string
	share      float64
}

func (o *witnessOptions) add(c *cobra.Command) {
	c.Flags().StringVar(&o.requestLog, "request-log", "", "write a line for each request to standard output: json, or a Go template such as '{{.Method}} {{.Path}} {{.Status}}'")
	c.Flags().StringVar(&o.traces, "traces", os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "send a span for each request by OTLP over HTTP to this URL, as http://collector:4318 (default $OTEL_EXPORTER_OTLP_ENDPOINT)")
	c.Flags().Float64Var(&o.share, "trace-share", 0.1, "share of requests without a trace context of their own that is traced, 0 to 1")
}

// before puts a witness before a handler, if one is asked for. The function
// that is returned sends what is left.
func (o *witnessOptions) before(ctx context.Context, next http.Handler, out io.Writer) (http.Handler, func(), error) {
	if o.share < 0 || o.share > 1 {
		return nil, nil, fmt.Errorf("--trace-share %v: want 0 to 1", o.share)
	}
	cfg, end := witness.Config{Next: next}, func() {}
	if o.requestLog != "" {
		l, err := witness.NewLog(out, o.requestLog)
		if err != nil {
			return nil, nil, fmt.Errorf("--request-log: %w", err)
		}
		cfg.Log = l
	}
	if o.traces != "" {
		traces, err := witness.NewTraces(ctx, o.traces, o.share)
		if err != nil {
			return nil, nil, fmt.Errorf("--traces: %w", err)
		}
		cfg.Traces = traces
		end = func() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = traces.Close(last) // the collector may be gone; the process ends all the same
		}
	}
	h, err := witness.New(cfg)
	return h, end, err
}
