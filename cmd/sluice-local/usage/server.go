package usage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/endpoints/handlers/negotiation"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/client-go/kubernetes"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// Config of a Server; every field is required.
type Config struct {
	// Source counts.
	Source Source
	// Client lists the pods and nodes.
	Client kubernetes.Interface
	// Listener is where it serves; it is closed with it.
	Listener net.Listener
	// Cert is for DNSName.
	Cert tls.Certificate
	// Clients signs those who may ask: whoever it certifies has been asked for
	// credentials and rights already, so it should be for the API server alone.
	Clients *x509.CertPool
	// Log gets what goes wrong.
	Log *slog.Logger
}

// Server answers the metrics API.
type Server struct {
	cfg     Config
	sampler sampler
}

// New makes a server; it does not serve yet.
func New(cfg Config) *Server { return &Server{cfg: cfg, sampler: sampler{source: cfg.Source}} }

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{s.cfg.Cert},
			ClientCAs:    s.cfg.Clients, ClientAuth: tls.RequireAndVerifyClientCert,
			MinVersion: tls.VersionTLS12,
		},
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ServeTLS(s.cfg.Listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("usage: %w", err)
	}
	return nil
}

// root is the API's path.
const root = "/apis/" + v1beta1.GroupName + "/v1beta1"

// handler answers what there is; the API server has checked the asker's rights.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root, s.answer(discover))
	mux.HandleFunc("GET "+root+"/nodes", s.answer(s.nodes))
	mux.HandleFunc("GET "+root+"/nodes/{name}", s.answer(s.node))
	mux.HandleFunc("GET "+root+"/pods", s.answer(s.pods))
	mux.HandleFunc("GET "+root+"/namespaces/{namespace}/pods", s.answer(s.pods))
	mux.HandleFunc("GET "+root+"/namespaces/{namespace}/pods/{name}", s.answer(s.pod))
	mux.HandleFunc("GET /openapi/v2", document(openAPI2))
	mux.HandleFunc("GET /openapi/v3", document(openAPI3))
	return mux
}

var codecs = serializer.NewCodecFactory(scheme()).WithoutConversion()

func scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(v1beta1.AddToScheme(scheme))
	metav1.AddToGroupVersion(scheme, metav1.Unversioned)
	return scheme
}

// answer writes what ask finds in the form that the client wants: JSON, YAML or
// protobuf; an error as a Status.
func (s *Server) answer(ask func(*http.Request) (runtime.Object, error)) http.HandlerFunc {
	gv := v1beta1.SchemeGroupVersion
	return func(w http.ResponseWriter, r *http.Request) {
		found, err := ask(r)
		if err != nil {
			s.cfg.Log.Debug("metrics", "path", r.URL.Path, "error", err)
			responsewriters.ErrorNegotiated(err, codecs, gv, w, r)
			return
		}
		if list, ok := found.(*metav1.APIResourceList); ok {
			responsewriters.WriteObjectNegotiated(codecs, negotiation.DefaultEndpointRestrictions, metav1.Unversioned, w, r, http.StatusOK, list, false)
			return
		}
		responsewriters.WriteObjectNegotiated(codecs, negotiation.DefaultEndpointRestrictions, gv, w, r, http.StatusOK, found, false)
	}
}

// discover says what the API has.
func discover(*http.Request) (runtime.Object, error) {
	verbs := metav1.Verbs{"get", "list"}
	return &metav1.APIResourceList{
		GroupVersion: v1beta1.SchemeGroupVersion.String(),
		APIResources: []metav1.APIResource{
			{Name: "nodes", Kind: "NodeMetrics", Verbs: verbs},
			{Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: verbs},
		},
	}, nil
}
