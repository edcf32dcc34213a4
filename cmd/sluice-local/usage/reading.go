package usage

import (
	"context"
	"time"
)

// Source counts what is used.
type Source interface {
	// Read looks at everything now.
	Read(context.Context) (Reading, error)
}

// Reading is what was used up to a moment.
type Reading struct {
	// Node is the node's name, Machine what it uses altogether.
	Node    string
	Machine Use
	// Containers are those that run.
	Containers map[Container]Use
}

// Container names one of a pod's.
type Container struct{ Namespace, Pod, Name string }

// Use is what was used from Since to At.
type Use struct {
	Since, At time.Time
	// CPU is time of one core.
	CPU time.Duration
	// Memory is what is held at the end, in bytes.
	Memory int64
}
