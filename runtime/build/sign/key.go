package sign

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Keys of the Secret, as `cosign generate-key-pair k8s://NAMESPACE/NAME`
// writes them.
const (
	keyFile      = "cosign.key"
	passwordFile = "cosign.password"
)

// wanted is what a key has to be.
const wanted = "want a private ECDSA key on the curve P-256 in PEM, as `cosign generate-key-pair` makes it"

// Key signs images.
type Key struct{ private *ecdsa.PrivateKey }

// Read reads the key from the folder of the Secret called name.
func Read(dir, name string) (*Key, error) {
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the build is to be signed, and its namespace has no Secret %s with the key %s: "+
			"make one with `cosign generate-key-pair k8s://NAMESPACE/%s`", name, keyFile, name)
	}
	if err != nil {
		return nil, err
	}
	password, err := os.ReadFile(filepath.Join(dir, passwordFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	private, err := parse(text, []byte(strings.TrimRight(string(password), "\n")))
	if err != nil {
		return nil, fmt.Errorf("the Secret %s: %w", name, err)
	}
	return &Key{private}, nil
}

// parse reads the PEM of a key. Errors of what it calls could quote the text,
// so they end here.
func parse(text, password []byte) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM: %s", keyFile, wanted)
	}
	var private any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY":
		der, problem := open(block.Bytes, password)
		if problem != nil {
			return nil, problem
		}
		private, err = x509.ParsePKCS8PrivateKey(der)
	case "PUBLIC KEY", "CERTIFICATE":
		return nil, fmt.Errorf("%s is public, and nothing can be signed with it: %s", keyFile, wanted)
	default: // a name may be anything, so it is not repeated
		return nil, fmt.Errorf("%s is PEM of another kind: %s", keyFile, wanted)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %s", keyFile, wanted)
	}
	key, ok := private.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s is a key of another kind: %s", keyFile, wanted)
	}
	return key, nil
}
