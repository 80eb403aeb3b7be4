package backends

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// tlsConfig returns what the settings at a name ask for, nil where they ask for nothing. Certificates are read anew for each connection, so that they
// can be replaced while the program runs; authorities are read once.
func tlsConfig(name string, t config.TLS) (*tls.Config, error) {
	if !t.Used() {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "%s.ca_file: %w", name, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, rag.Errorf(rag.KindInvalid, "%s.ca_file: %s holds no certificate in PEM", name, t.CAFile)
		}
	}
	if t.CertFile != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			return &pair, err
		}
		if _, err := load(); err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "%s.cert_file: %w", name, err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return c, nil
}
