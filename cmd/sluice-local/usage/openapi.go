package usage

import "net/http"

// Documents about the API that the API server asks every server of one for, and
// again and again where there are none. Ours describe nothing: what the kinds
// look like is known to all who use them.
const (
	openAPI2 = `{"swagger":"2.0","info":{"title":"metrics.k8s.io","version":"v1beta1"},"paths":{}}`
	openAPI3 = `{"paths":{}}`
)

func document(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	}
}
