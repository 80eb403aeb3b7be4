package backends

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/config"
)

// TestTLSOfServers has a server that asks for a certificate, with one that an authority of one's own has signed: both are
// read from files, and the client's for each connection.
func TestTLSOfServers(t *testing.T) {
	var shown []byte
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown = r.TLS.PeerCertificates[0].Raw }))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.StartTLS()
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := config.TLS{CAFile: file("ca.pem", "CERTIFICATE", pair.Certificate[0]), CertFile: file("cert.pem", "CERTIFICATE", pair.Certificate[0]), KeyFile: file("key.pem", "PRIVATE KEY", key)}
	ask := func(change func(*config.TLS)) error {
		t.Helper()
		set := full
		change(&set)
		c, err := tlsConfig("x", set)
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
		resp, err := client.Get(srv.URL)
		if err == nil {
			_ = resp.Body.Close()
		}
		if set.CertFile != "" && err == nil { // again, with another certificate
			file("cert.pem", "CERTIFICATE", []byte("none"))
			if resp, err := client.Get(srv.URL); err == nil {
				_ = resp.Body.Close()
				t.Error("a certificate that is not there any more is shown")
			}
			file("cert.pem", "CERTIFICATE", pair.Certificate[0])
		}
		return err
	}
	if err := ask(func(*config.TLS) {}); err != nil || string(shown) != string(pair.Certificate[0]) {
		t.Errorf("the certificate was not shown: %v", err)
	}
	for what, change := range map[string]func(*config.TLS){
		"no authority":   func(c *config.TLS) { c.CAFile = "" },
		"no certificate": func(c *config.TLS) { c.CertFile, c.KeyFile = "", "" },
		"another name":   func(c *config.TLS) { c.ServerName = "db.invalid" },
	} {
		if err := ask(change); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
	if c, err := tlsConfig("x", config.TLS{}); c != nil || err != nil {
		t.Errorf("nothing is asked for: %v, %v", c, err)
	}
	if c, err := tlsConfig("x", config.TLS{Enabled: true}); c == nil || err != nil || c.MinVersion != tls.VersionTLS12 || c.InsecureSkipVerify {
		t.Errorf("TLS alone: %+v, %v", c, err)
	}
}
