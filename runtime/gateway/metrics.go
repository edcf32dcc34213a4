package gateway

import (
	"fmt"
	"io"
)

// WriteMetrics prints how much the table holds, in Prometheus' text format.
func (t *Table) WriteMetrics(w io.Writer) error {
	problems := len(t.Problems())
	t.mu.Lock()
	services, hosts := len(t.services), len(t.claims)
	t.mu.Unlock()
	_, err := fmt.Fprintf(w, `# HELP sluice_gateway_routes VirtualServices followed.
# TYPE sluice_gateway_routes gauge
sluice_gateway_routes %d
# HELP sluice_gateway_hosts Hosts answered for.
# TYPE sluice_gateway_hosts gauge
sluice_gateway_hosts %d
# HELP sluice_gateway_problems VirtualServices, or parts of them, that are not followed.
# TYPE sluice_gateway_problems gauge
sluice_gateway_problems %d
`, services, hosts, problems)
	return err
}
