package catalog

import (
	"crypto/tls"
	"crypto/x509"
)

// Settings of all drivers that connect by TLS.
var (
	caCert     = secret("caCert", "PEM that the servers' certificates are signed by, beside the system's")
	clientCert = secret("clientCert", "PEM of our certificate, where the servers ask for one")
	clientKey  = secret("clientKey", "PEM of its key")
)

// tls reads these settings; nil, which is the system's certificates, if none is
// given. No error has what they hold.
func (s *settings) tls() *tls.Config {
	ca, cert, key := s.text(caCert.Name), s.text(clientCert.Name), s.text(clientKey.Name)
	if ca == "" && cert == "" && key == "" {
		return nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM([]byte(ca)) {
			s.wrong("%s holds no certificate in PEM", caCert.Name)
		}
		cfg.RootCAs = roots
	}
	if cert != "" || key != "" {
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			s.wrong("%s and %s are no pair in PEM", clientCert.Name, clientKey.Name)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg
}
