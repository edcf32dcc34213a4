package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"
)

// ErrUnsigned: the commit is not signed by any of the keys.
var ErrUnsigned = errors.New("not signed by a key that is trusted")

// Signed reports, with nil, that a commit is signed by one of the keys: SSH
// public keys as in authorized_keys, or armored OpenPGP public keys. Any other
// answer is an ErrUnsigned that says why, or what kept it from being read.
func (r *Repository) Signed(ctx context.Context, commit string, keys []string) error {
	hash, ok := hashOf(commit)
	if !ok {
		return r.wrap(fmt.Errorf("%w: %q is no commit", ErrNoObject, commit))
	}
	if err := r.source.bring(ctx, hash); err != nil {
		return err
	}
	c, err := r.db.commit(hash)
	if err != nil {
		return r.wrap(err)
	}
	if c.PGPSignature == "" {
		return fmt.Errorf("commit %.7s: %w: it carries no signature", commit, ErrUnsigned)
	}
	for _, key := range keys {
		if signedBy(c, key) {
			return nil
		}
	}
	return fmt.Errorf("commit %.7s: %w", commit, ErrUnsigned)
}

// signedBy tries one key of either kind.
func signedBy(c *object.Commit, key string) bool {
	if strings.Contains(key, "BEGIN PGP PUBLIC KEY BLOCK") {
		_, err := c.Verify(key)
		return err == nil
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(key))
	if err != nil {
		return false
	}
	payload, err := unsigned(c)
	return err == nil && sshSigned(public, c.PGPSignature, payload)
}

// unsigned is the commit as it was before it was signed.
func unsigned(c *object.Commit) ([]byte, error) {
	o := &plumbing.MemoryObject{}
	if err := c.EncodeWithoutSignature(o); err != nil {
		return nil, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// The form of an SSH signature: PROTOCOL.sshsig of OpenSSH.
const (
	sshBegin     = "-----BEGIN SSH SIGNATURE-----"
	sshEnd       = "-----END SSH SIGNATURE-----"
	sshMagic     = "SSHSIG"
	sshNamespace = "git"
)

// sshBlob is what stands between the lines, after the magic.
type sshBlob struct {
	Version                            uint32
	PublicKey                          []byte
	Namespace, Reserved, HashAlgorithm string
	Signature                          []byte
}

// sshSigned reports whether the armored signature is the key's, of the message.
func sshSigned(key ssh.PublicKey, armored string, message []byte) bool {
	body, ok := strings.CutPrefix(strings.TrimSpace(armored), sshBegin)
	body, closed := strings.CutSuffix(body, sshEnd)
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	raw, magic := bytes.CutPrefix(raw, []byte(sshMagic))
	if !ok || !closed || err != nil || !magic {
		return false
	}
	var blob sshBlob
	var signature ssh.Signature
	if ssh.Unmarshal(raw, &blob) != nil || ssh.Unmarshal(blob.Signature, &signature) != nil {
		return false
	}
	if blob.Version != 1 || blob.Namespace != sshNamespace || !bytes.Equal(blob.PublicKey, key.Marshal()) || weak(signature.Format) {
		return false
	}
	digest, known := digests[blob.HashAlgorithm]
	if !known {
		return false
	}
	signed := ssh.Marshal(struct {
		Namespace, Reserved, HashAlgorithm string
		Hash                               []byte
	}{blob.Namespace, blob.Reserved, blob.HashAlgorithm, digest(message)})
	return key.Verify(append([]byte(sshMagic), signed...), &signature) == nil
}

// weak signatures are made with SHA-1.
func weak(format string) bool { return format == ssh.KeyAlgoRSA }

var digests = map[string]func([]byte) []byte{
	"sha512": func(b []byte) []byte { sum := sha512.Sum512(b); return sum[:] },
	"sha256": func(b []byte) []byte { sum := sha256.Sum256(b); return sum[:] },
}
