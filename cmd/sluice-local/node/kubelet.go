package node

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-dev/sluice/cmd/sluice-local/node/crilog"
)

// handler is the kubelet API, as far as the API server uses it.
func (n *Node) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	mux.HandleFunc("GET /pods", n.servePods)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.serveLogs)
	for path, serve := range map[string]http.HandlerFunc{
		"/exec/{namespace}/{pod}/{container}":         n.serveExec,
		"/exec/{namespace}/{pod}/{uid}/{container}":   n.serveExec,
		"/attach/{namespace}/{pod}/{container}":       n.serveAttach,
		"/attach/{namespace}/{pod}/{uid}/{container}": n.serveAttach,
		"/portForward/{namespace}/{pod}":              n.servePortForward,
		"/portForward/{namespace}/{pod}/{uid}":        n.servePortForward,
	} {
		mux.HandleFunc("GET "+path, serve)
		mux.HandleFunc("POST "+path, serve)
	}
	return mux
}

// find is the pod that a request names; if there is none the request is answered.
func (n *Node) find(w http.ResponseWriter, r *http.Request) *pod {
	namespace, name, uid := r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("uid")
	for _, p := range n.list() {
		obj := p.current()
		if obj.Namespace == namespace && obj.Name == name && (uid == "" || uid == string(obj.UID)) {
			return p
		}
	}
	http.Error(w, "pod "+namespace+"/"+name+" does not run on this node", http.StatusNotFound)
	return nil
}

// findContainer is the container that a request names; if there is none the
// request is answered.
func (n *Node) findContainer(w http.ResponseWriter, r *http.Request) *container {
	p := n.find(w, r)
	if p == nil {
		return nil
	}
	c := p.containerNamed(r.PathValue("container"))
	if c == nil {
		http.Error(w, "container "+r.PathValue("container")+" is not one of the pod's", http.StatusNotFound)
	}
	return c
}

func (n *Node) servePods(w http.ResponseWriter, _ *http.Request) {
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{}}
	for _, p := range n.list() {
		list.Items = append(list.Items, *p.observed(metav1.Now()))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

func (n *Node) serveLogs(w http.ResponseWriter, r *http.Request) {
	c := n.findContainer(w, r)
	if c == nil {
		return
	}
	query, err := logQuery(r, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	path, live, err := c.logOf(r.FormValue("previous") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.FormValue("follow") == "true" {
		query.Live = live
	}
	flusher := http.NewResponseController(w)
	query.Flush = func() { _ = flusher.Flush() }
	w.Header().Set("Content-Type", "text/plain")
	query.Flush()
	if err := crilog.Read(r.Context(), path, query, w); err != nil {
		n.log.Debug("log cannot be sent", "path", path, "err", err)
	}
}

// logQuery reads what of a log is wanted.
func logQuery(r *http.Request, now time.Time) (crilog.Query, error) {
	q := crilog.Query{Tail: -1, Timestamps: r.FormValue("timestamps") == "true"}
	for name, to := range map[string]*int64{"tailLines": &q.Tail, "limitBytes": &q.LimitBytes} {
		if v := r.FormValue(name); v != "" {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return q, err
			}
			*to = n
		}
	}
	if v := r.FormValue("sinceSeconds"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return q, err
		}
		q.Since = now.Add(-time.Duration(n) * time.Second)
	}
	if v := r.FormValue("sinceTime"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return q, err
		}
		q.Since = t
	}
	switch r.FormValue("stream") {
	case "Stdout":
		q.Stream = crilog.Stdout
	case "Stderr":
		q.Stream = crilog.Stderr
	}
	return q, nil
}
