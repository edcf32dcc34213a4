package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxManifest is the largest manifest that is accepted.
const maxManifest = 4 << 20

// repository is what the distribution API allows as an image's name.
var repository = regexp.MustCompile(`^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$`)

// Handler serves the distribution API: push and pull, no deletion. There are no
// credentials; who may connect is the listener's affair.
func (s *Store) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
		if err := s.route(w, r); err != nil {
			writeError(w, err)
		}
	})
}

// apiError is an error in the words of the distribution API.
type apiError struct {
	status int
	code   string
	text   string
}

func (e *apiError) Error() string { return e.text }

func writeError(w http.ResponseWriter, err error) {
	var api *apiError
	if !errors.As(err, &api) {
		api = &apiError{http.StatusInternalServerError, "UNKNOWN", err.Error()}
	}
	type detail struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(api.status)
	_ = json.NewEncoder(w).Encode(map[string][]detail{"errors": {{api.code, api.text}}}) // the client is gone
}

// route splits /v2/NAME/{manifests,blobs,tags}/REST; NAME may have slashes.
func (s *Store) route(w http.ResponseWriter, r *http.Request) error {
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	switch {
	case r.URL.Path == "/v2" || ok && path == "":
		return nil
	case ok && path == "_catalog":
		return s.catalog(w)
	}
	parts := strings.Split(path, "/")
	for i := len(parts) - 2; i > 0; i-- {
		name, rest := strings.Join(parts[:i], "/"), strings.Join(parts[i+1:], "/")
		handle := s.kind(parts[i])
		if handle == nil {
			continue
		}
		if !repository.MatchString(name) {
			return &apiError{http.StatusBadRequest, "NAME_INVALID", "repository name " + strconv.Quote(name) + " is not valid"}
		}
		return handle(w, r, name, rest)
	}
	return &apiError{http.StatusNotFound, "UNSUPPORTED", "no such path; the API begins at /v2/"}
}

type handler func(w http.ResponseWriter, r *http.Request, name, rest string) error

func (s *Store) kind(word string) handler {
	switch word {
	case "manifests":
		return s.manifests
	case "blobs":
		return s.blobs
	case "uploads":
		return s.upload
	case "tags":
		return s.tags
	}
	return nil
}

func methodNotAllowed(r *http.Request) error {
	return &apiError{http.StatusMethodNotAllowed, "UNSUPPORTED", r.Method + " is not offered here; nothing is ever deleted"}
}

func (s *Store) manifests(w http.ResponseWriter, r *http.Request, name, ref string) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return s.getManifest(w, r, name, ref)
	case http.MethodPut:
		return s.putManifest(w, r, name, ref)
	}
	return methodNotAllowed(r)
}

// fullName joins a repository of this registry and a tag or digest.
func fullName(repo, ref string) string {
	sep := ":"
	if strings.Contains(ref, ":") {
		sep = "@"
	}
	return Host + "/" + repo + sep + ref
}

func (s *Store) getManifest(w http.ResponseWriter, r *http.Request, repo, ref string) error {
	parsed, err := s.parse(fullName(repo, ref))
	if err != nil {
		return &apiError{http.StatusBadRequest, "MANIFEST_INVALID", err.Error()}
	}
	h, err := s.find(parsed)
	if errors.Is(err, ErrNotFound) { // making goes on when who asked first has gone
		h, err = s.make(context.WithoutCancel(r.Context()), parsed)
	}
	if errors.Is(err, ErrNotFound) {
		return &apiError{http.StatusNotFound, "MANIFEST_UNKNOWN", err.Error()}
	}
	if err != nil {
		return err
	}
	raw, err := s.readBlob(h)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", string(mediaType(raw)))
	w.Header().Set("Docker-Content-Digest", h.String())
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	if r.Method == http.MethodGet {
		_, err = w.Write(raw)
	}
	return err
}

func (s *Store) putManifest(w http.ResponseWriter, r *http.Request, repo, ref string) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		return &apiError{http.StatusRequestEntityTooLarge, "SIZE_INVALID", fmt.Sprintf("a manifest may have %d bytes", maxManifest)}
	}
	h, size, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if strings.Contains(ref, ":") && ref != h.String() {
		return &apiError{http.StatusBadRequest, "DIGEST_INVALID", "the manifest is " + h.String() + ", not " + ref}
	}
	if err := s.complete(raw); err != nil {
		return err
	}
	if _, err := s.parse(fullName(repo, ref)); err != nil {
		return &apiError{http.StatusBadRequest, "TAG_INVALID", err.Error()}
	}
	if err := s.writeBlob(h, bytes.NewReader(raw)); err != nil {
		return err
	}
	if err := s.name(fullName(repo, ref), "", v1.Descriptor{MediaType: mediaType(raw), Size: size, Digest: h}); err != nil {
		return err
	}
	w.Header().Set("Location", "/v2/"+repo+"/manifests/"+h.String())
	w.Header().Set("Docker-Content-Digest", h.String())
	w.WriteHeader(http.StatusCreated)
	return nil
}

// complete refuses a manifest that names blobs which are not here.
func (s *Store) complete(raw []byte) error {
	var m struct {
		Config    *v1.Descriptor  `json:"config"`
		Layers    []v1.Descriptor `json:"layers"`
		Manifests []v1.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil || m.Config == nil && m.Manifests == nil {
		return &apiError{http.StatusBadRequest, "MANIFEST_INVALID", "not an image manifest or index"}
	}
	needs := slices.Concat(m.Layers, m.Manifests)
	if m.Config != nil {
		needs = append(needs, *m.Config)
	}
	for _, d := range needs {
		if h, err := parseDigest(d.Digest.String()); err != nil || !s.hasBlob(h) {
			return &apiError{http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", d.Digest.String() + " is not here; push it first"}
		}
	}
	return nil
}

func (s *Store) blobs(w http.ResponseWriter, r *http.Request, _, digest string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return methodNotAllowed(r)
	}
	h, err := parseDigest(digest)
	if err != nil {
		return &apiError{http.StatusBadRequest, "DIGEST_INVALID", err.Error()}
	}
	f, err := os.Open(s.blobFile(h))
	if err != nil {
		return &apiError{http.StatusNotFound, "BLOB_UNKNOWN", digest + " is not here"}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", h.String())
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}

func (s *Store) tags(w http.ResponseWriter, _ *http.Request, name, _ string) error {
	entries, err := s.List()
	if err != nil {
		return err
	}
	tags := []string{}
	for _, e := range entries {
		if tag, ok := strings.CutPrefix(e.Name, Host+"/"+name+":"); ok {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 0 {
		return &apiError{http.StatusNotFound, "NAME_UNKNOWN", "no repository " + name}
	}
	return writeJSON(w, map[string]any{"name": name, "tags": tags})
}

func (s *Store) catalog(w http.ResponseWriter) error {
	entries, err := s.List()
	if err != nil {
		return err
	}
	repos := []string{}
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name, Host+"/"); ok {
			repos = append(repos, name[:strings.IndexAny(name, ":@")])
		}
	}
	slices.Sort(repos)
	return writeJSON(w, map[string]any{"repositories": slices.Compact(repos)})
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
