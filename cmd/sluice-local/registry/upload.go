package registry

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// maxBlob is the largest blob that is accepted.
const maxBlob = 16 << 30

// uploads are blobs that are not complete. They do not survive the process.
type uploads struct {
	dir string

	mu   sync.Mutex // guards open
	open map[string]*upload
}

type upload struct {
	mu   sync.Mutex // held while bytes come in
	path string
	size int64
}

func newUploads(dir string) *uploads {
	return &uploads{dir: dir, open: map[string]*upload{}}
}

// tidy removes what another process has left.
func (u *uploads) tidy() error { return os.RemoveAll(u.dir) }

func (u *uploads) begin() (id string, err error) {
	if err := os.MkdirAll(u.dir, 0o700); err != nil {
		return "", err
	}
	id = rand.Text()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open[id] = &upload{path: filepath.Join(u.dir, id)}
	return id, nil
}

func (u *uploads) get(id string) (*upload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if up := u.open[id]; up != nil {
		return up, nil
	}
	return nil, &apiError{http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "no such upload; begin again"}
}

func (u *uploads) end(id string) {
	u.mu.Lock()
	up := u.open[id]
	delete(u.open, id)
	u.mu.Unlock()
	if up != nil {
		os.Remove(up.path)
	}
}

// append adds what r yields at the end. from is where the client says it
// continues, -1 where it does not say.
func (u *upload) append(r io.Reader, from int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if from >= 0 && from != u.size {
		return &apiError{http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", fmt.Sprintf("%d bytes are here; continue there", u.size)}
	}
	f, err := os.OpenFile(u.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	u.size += n
	return errors.Join(err, f.Close())
}

// upload serves /v2/NAME/blobs/uploads/[ID].
func (s *Store) upload(w http.ResponseWriter, r *http.Request, name, id string) error {
	name, ok := strings.CutSuffix(name, "/blobs")
	if !ok {
		return &apiError{http.StatusNotFound, "UNSUPPORTED", "no such path"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBlob)
	if id == "" {
		return s.beginUpload(w, r, name)
	}
	up, err := s.uploads.get(id)
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet:
		uploadStatus(w, name, id, up, http.StatusNoContent)
	case http.MethodDelete:
		s.uploads.end(id)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPatch:
		if err := up.append(r.Body, rangeStart(r)); err != nil {
			return err
		}
		uploadStatus(w, name, id, up, http.StatusAccepted)
	case http.MethodPut:
		if err := up.append(r.Body, rangeStart(r)); err != nil {
			return err
		}
		return s.endUpload(w, r, name, id, up)
	default:
		return methodNotAllowed(r)
	}
	return nil
}

func rangeStart(r *http.Request) int64 {
	var from, to int64
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "%d-%d", &from, &to); err != nil {
		return -1
	}
	return from
}

func uploadStatus(w http.ResponseWriter, name, id string, up *upload, status int) {
	up.mu.Lock()
	size := up.size
	up.mu.Unlock()
	w.Header().Set("Location", "/v2/"+name+"/blobs/uploads/"+id)
	w.Header().Set("Docker-Upload-UUID", id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(size-1, 0)))
	w.WriteHeader(status)
}

// beginUpload also takes a whole blob at once (?digest=) and blobs that are
// here already (?mount=; all repositories share their blobs).
func (s *Store) beginUpload(w http.ResponseWriter, r *http.Request, name string) error {
	if r.Method != http.MethodPost {
		return methodNotAllowed(r)
	}
	if h, err := parseDigest(r.URL.Query().Get("mount")); err == nil && s.hasBlob(h) {
		return blobCreated(w, name, h.String())
	}
	id, err := s.uploads.begin()
	if err != nil {
		return err
	}
	up, err := s.uploads.get(id)
	if err != nil {
		return err
	}
	if !r.URL.Query().Has("digest") {
		uploadStatus(w, name, id, up, http.StatusAccepted)
		return nil
	}
	if err := up.append(r.Body, -1); err != nil {
		s.uploads.end(id)
		return err
	}
	return s.endUpload(w, r, name, id, up)
}

func (s *Store) endUpload(w http.ResponseWriter, r *http.Request, name, id string, up *upload) error {
	defer s.uploads.end(id)
	h, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return &apiError{http.StatusBadRequest, "DIGEST_INVALID", err.Error()}
	}
	f, err := os.Open(up.path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = s.writeBlob(h, f)
	if errors.Is(err, errDigest) {
		return &apiError{http.StatusBadRequest, "DIGEST_INVALID", err.Error()}
	}
	if err != nil {
		return err
	}
	return blobCreated(w, name, h.String())
}

func blobCreated(w http.ResponseWriter, name, digest string) error {
	w.Header().Set("Location", "/v2/"+name+"/blobs/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
	return nil
}
