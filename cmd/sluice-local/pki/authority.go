package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// How long things last. Leaves are issued at every start of the cluster.
const (
	rootYears = 10
	leafYears = 1
	// backdate forgives clocks that are a little behind.
	backdate = time.Hour
)

// Authority issues the cluster's certificates.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time
}

// Load reads the authority of dir and makes one if there is none.
func Load(dir string) (*Authority, error) {
	a := &Authority{dir: dir, now: time.Now}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	err := a.read()
	if errors.Is(err, fs.ErrNotExist) {
		err = a.create()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %s: %w", dir, err)
	}
	return a, nil
}

// CAFile is the path of the authority's own certificate.
func (a *Authority) CAFile() string { return filepath.Join(a.dir, "ca.crt") }

// CAPEM is the authority's own certificate.
func (a *Authority) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Pool holds the authority's certificate alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *Authority) read() error {
	pair, err := tls.LoadX509KeyPair(a.CAFile(), filepath.Join(a.dir, "ca.key"))
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("ca.key: not an ECDSA key")
	}
	a.cert, a.key = pair.Leaf, key
	return nil
}

// create writes the key before the certificate, so that a half-made authority
// reads as none.
func (a *Authority) create() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := a.template(pkix.Name{CommonName: "sluice-local"}, rootYears)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if err := writeKey(filepath.Join(a.dir, "ca.key"), key); err != nil {
		return err
	}
	if err := writePEM(a.CAFile(), "CERTIFICATE", raw); err != nil {
		return err
	}
	return a.read()
}

func (a *Authority) template(who pkix.Name, years int) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // crypto/rand does not fail
	now := a.now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: who,
		NotBefore: now.Add(-backdate), NotAfter: now.AddDate(years, 0, 0),
	}
}

// Identity is who a certificate is for.
type Identity struct {
	// Name is the common name: the user, to the API server.
	Name string
	// Group is the organization: the user's group; "" is none.
	Group string
	// DNS and IPs are the names of a server. A certificate with any of them is
	// a server's, one with none a client's.
	DNS []string
	IPs []net.IP
}

// Issue makes a certificate and its key, both as PEM.
func (a *Authority) Issue(who Identity) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: certificate: %w", who.Name, err)
	}
	subject := pkix.Name{CommonName: who.Name}
	if who.Group != "" {
		subject.Organization = []string{who.Group}
	}
	template := a.template(subject, leafYears)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.DNSNames, template.IPAddresses = who.DNS, who.IPs
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(who.DNS)+len(who.IPs) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, private.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: certificate: %w", who.Name, err)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: certificate: %w", who.Name, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

// TLS issues a certificate for use within this process.
func (a *Authority) TLS(who Identity) (tls.Certificate, error) {
	cert, key, err := a.Issue(who)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// Files issues a certificate into the authority's directory as BASE.crt and
// BASE.key, for components that only read files.
func (a *Authority) Files(base string, who Identity) (certFile, keyFile string, err error) {
	cert, key, err := a.Issue(who)
	if err != nil {
		return "", "", err
	}
	certFile, keyFile = filepath.Join(a.dir, base+".crt"), filepath.Join(a.dir, base+".key")
	if err := replace(certFile, cert); err != nil {
		return "", "", err
	}
	return certFile, keyFile, replace(keyFile, key)
}
