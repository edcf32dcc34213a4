package autoscaler

import (
	"net/http"
	"strings"

	"github.com/sluice-dev/sluice/runtime/stat"
	"github.com/sluice-dev/sluice/schema/contract"
)

// answers counts a revision's answers.
type answers struct {
	slow   stat.Counts // by how long they took
	errors float64
}

// answered adds what an activator said of a revision's answers. The caller
// holds mu.
func (v *revision) answered(f *stat.Frame) {
	if v.answers == nil {
		if f.Slow == (stat.Counts{}) && f.Errors <= 0 {
			return
		}
		v.answers = new(answers)
	}
	v.answers.slow.Add(&f.Slow)
	v.answers.errors += max(0, f.Errors)
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
	out := contract.Answers{Slow: make([]float64, len(v.answers.slow)), Errors: v.answers.errors}
	for i, n := range v.answers.slow {
		out.Slow[i] = float64(n)
		out.Requests += float64(n)
	}
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
