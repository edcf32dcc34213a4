package source

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-dev/sluice/engine/git"
	"github.com/sluice-dev/sluice/schema/contract"
)

// Blobs is where the content of files is read.
type Blobs interface {
	Blob(ctx context.Context, hash string, limit int64) ([]byte, error)
}

// Config of a Server. Blobs and Client are required.
type Config struct {
	Blobs Blobs
	// Client reviews tokens.
	Client kubernetes.Interface
	// Log gets what an operator acts on. Default: discarded.
	Log *slog.Logger
}

// offers is how many trees are served; the oldest is forgotten first. One
// that a build still asks for is offered again when the engine reads it.
const offers = 1024

// offer is a tree for a namespace.
type offer struct{ namespace, tree string }

// Server serves trees. It is safe for concurrent use.
type Server struct {
	cfg Config

	mu    sync.Mutex // guards the below
	trees map[offer][]git.Entry
	order []offer
}

// New makes a server that serves nothing yet.
func New(cfg Config) (*Server, error) {
	if cfg.Blobs == nil || cfg.Client == nil {
		return nil, errors.New("source: Config.Blobs and Config.Client are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, trees: map[offer][]git.Entry{}}, nil
}

// Offer makes a tree known to a namespace.
func (s *Server) Offer(namespace, tree string, files []git.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := offer{namespace, tree}
	if _, known := s.trees[key]; known {
		return
	}
	if len(s.order) >= offers {
		delete(s.trees, s.order[0])
		s.order = s.order[1:]
	}
	s.trees[key], s.order = files, append(s.order, key)
}

// ServeHTTP answers who may ask.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tree, ok := strings.CutPrefix(r.URL.Path, contract.PathSource)
	if !ok || r.Method != http.MethodGet {
		http.Error(w, "want GET "+contract.PathSource+"TREE", http.StatusNotFound)
		return
	}
	namespace, err := s.namespace(r)
	if err != nil {
		s.cfg.Log.Warn("token cannot be reviewed", "error", err)
		http.Error(w, "the token cannot be reviewed now", http.StatusServiceUnavailable)
		return
	}
	if namespace == "" {
		http.Error(w, "the token is not that of a build", http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	files, offered := s.trees[offer{namespace, tree}]
	s.mu.Unlock()
	if !offered {
		http.Error(w, "no build of this namespace asks for this tree (any more)", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/x-tar")
	if err := archive(r.Context(), w, files, s.cfg.Blobs); err != nil {
		s.cfg.Log.Warn("source cannot be served", "tree", tree, "error", err)
		panic(http.ErrAbortHandler) // so that the reader does not take it for whole
	}
}

// namespace is that of the account whose token the request shows; empty if
// it shows none that holds.
func (s *Server) namespace(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", nil
	}
	review, err := s.cfg.Client.AuthenticationV1().TokenReviews().Create(r.Context(), &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{contract.SourceAudience}},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	name, account := strings.CutPrefix(review.Status.User.Username, "system:serviceaccount:")
	if !review.Status.Authenticated || !account {
		return "", nil
	}
	namespace, _, _ := strings.Cut(name, ":")
	return namespace, nil
}
