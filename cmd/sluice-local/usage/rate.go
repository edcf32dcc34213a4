package usage

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// How far back an earlier reading may lie to be compared with. Over less time
// than shortest the kernel's hundredths of a second would show; what was longer
// ago than longest says nothing about now.
const (
	shortest = 900 * time.Millisecond
	longest  = 65 * time.Second
)

// measured is what is told of a container or the node.
type measured struct {
	use Use
	// cores were busy on average in the window before use.At.
	cores  float64
	window time.Duration
}

// measure compares a reading with the one before; nil is none. A run that the
// one before knew nothing of, or too long ago, is averaged from its start. A
// reading too near to the one before does not replace its rate.
func measure(before *measured, now Use) measured {
	from := Use{At: now.Since}
	if before != nil && before.use.Since.Equal(now.Since) {
		apart := now.At.Sub(before.use.At)
		if apart < shortest {
			again := *before
			again.use.Memory = now.Memory
			return again
		}
		if apart <= longest {
			from = before.use
		}
	}
	m := measured{use: now, window: now.At.Sub(from.At)}
	// A process that ends between two looks may be counted twice, once.
	if used := now.CPU - from.CPU; used > 0 && m.window > 0 {
		m.cores = used.Seconds() / m.window.Seconds()
	}
	return m
}

// list is the measure as the API writes it: nanocores, and kibibytes.
func (m measured) list() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewScaledQuantity(int64(m.cores*1e9), resource.Nano),
		corev1.ResourceMemory: *resource.NewQuantity(m.use.Memory&^1023, resource.BinarySI),
	}
}
