package autoscaler

import (
	"net/http"
	"strings"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

// answered adds what an activator said of a revision's answers. The caller
// holds mu.
func (v *revision) answered(f *stat.Frame) {
	if f.Slow == (stat.Counts{}) && f.Errors <= 0 {
		return
	}
	if v.answers == nil {
		v.answers = &contract.Answers{Slow: make([]float64, len(f.Slow))}
	}
	for i, n := range f.Slow {
		v.answers.Requests += float64(n)
		v.answers.Slow[i] += float64(n)
	}
	v.answers.Errors += max(0, f.Errors)
}

// Answers is how a revision answered since this process began; false if
// nobody has asked it.
func (a *Autoscaler) Answers(namespace, revision string) (contract.Answers, bool) {
	v := a.find(Key{namespace, revision})
	if v == nil {
		return contract.Answers{}, false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.answers == nil {
		return contract.Answers{}, false
	}
	out := *v.answers
	out.Slow = append([]float64(nil), out.Slow...)
	return out, true
}

// answersPage answers for all revisions that are asked for and known.
func (a *Autoscaler) answersPage(w http.ResponseWriter, r *http.Request) {
	out := map[string]contract.Answers{}
	for _, name := range r.URL.Query()["revision"] {
		namespace, revision, _ := strings.Cut(name, "/")
		if answers, ok := a.Answers(namespace, revision); ok {
			out[name] = answers
		}
	}
	page(w, out)
}
