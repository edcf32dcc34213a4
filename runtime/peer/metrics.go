package peer

import (
	"fmt"
	"io"
)

// WriteMetrics prints who takes part, in Prometheus' text format.
func (p *Peers) WriteMetrics(w io.Writer) error {
	members := len(p.view.Load().members)
	p.mu.Lock()
	guests, unsettled := len(p.hosts), 0
	if p.patience != nil {
		unsettled = 1
	}
	p.mu.Unlock()
	_, err := fmt.Fprintf(w, `# HELP sluice_activator_members Activators that share the revisions, this one among them.
# TYPE sluice_activator_members gauge
sluice_activator_members %d
# HELP sluice_activator_borrowers Other activators that ask this one for places.
# TYPE sluice_activator_borrowers gauge
sluice_activator_borrowers %d
# HELP sluice_activator_unsettled 1 while not all activators have agreed on who takes part.
# TYPE sluice_activator_unsettled gauge
sluice_activator_unsettled %d
`, members, guests, unsettled)
	return err
}
