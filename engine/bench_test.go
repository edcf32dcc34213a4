package engine

import (
	"fmt"
	"testing"
)

// thousand is a world where 1,000 services are in place and ready.
func thousand(b *testing.B) *world {
	b.Helper()
	w := newWorld(b)
	files := map[string]string{}
	for i := range 1000 {
		name := fmt.Sprintf("svc-%04d", i)
		files["specs/"+name+".yaml"] = hello(name, "world")
	}
	w.push("a thousand", files)
	for len(w.pass()) > 0 {
		for id := range w.Live() {
			if id.Kind == "Deployment" {
				w.ready(id.Name)
			}
		}
	}
	if n := len(w.live); n != 3000 {
		b.Fatalf("%d objects, want 3000", n)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return w
}

// BenchmarkPass1000_Nothing is a pass that finds everything as it should be.
func BenchmarkPass1000_Nothing(b *testing.B) {
	w := thousand(b)
	for b.Loop() {
		w.engine.pass(b.Context(), true)
	}
}

// BenchmarkPass1000_OneObject is a pass after the status of one Deployment changed.
func BenchmarkPass1000_OneObject(b *testing.B) {
	w := thousand(b)
	name := w.revisions("svc-0500")[0]
	for b.Loop() {
		w.ready(name)
		w.engine.pass(b.Context(), false)
	}
}

// BenchmarkPass1000_OneCommit is the first pass after a commit that gives one
// service a template that it has had before: read, rendered, one write.
func BenchmarkPass1000_OneCommit(b *testing.B) {
	w := thousand(b)
	for i := 0; b.Loop(); i++ {
		w.push("next", map[string]string{"specs/svc-0500.yaml": hello("svc-0500", fmt.Sprint("world", i%2))})
		w.engine.pass(b.Context(), true)
	}
}
