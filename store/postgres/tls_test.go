//go:build servers

package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/storetest"
)

// anotherAuthority is a file with the certificate of one that signed nothing.
func anotherAuthority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// changed is a URL with other parameters; an empty value leaves one out.
func changed(t *testing.T, raw string, parameters ...string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		if q.Set(parameters[i], parameters[i+1]); parameters[i+1] == "" {
			q.Del(parameters[i])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// The server is who it says to be, and so is who logs in with a certificate.
func TestTLS(t *testing.T) {
	good := configure(t, postgres.Config{})
	s := open(t, good) // sslmode=verify-full
	if _, err := s.CreateCollection(t.Context(), storetest.Spec("", "c")); err != nil {
		t.Fatal(err)
	}
	var encrypted bool
	query(t, good.URL, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &encrypted)
	if !encrypted {
		t.Error("the connection is not encrypted")
	}
	cert := need(t, "PG_CERT_URL")
	other := anotherAuthority(t)
	bouncer := bounced(t, true)
	pem, err := os.ReadFile(need(t, "PG_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for name, test := range map[string]struct {
		cfg postgres.Config
		say string // of the error, "" for none
	}{
		"client certificate":              {postgres.Config{URL: cert}, ""},
		"no client certificate":           {postgres.Config{URL: changed(t, cert, "sslcert", "", "sslkey", "")}, "certificate"},
		"another authority":               {postgres.Config{URL: changed(t, good.URL, "sslrootcert", other)}, "certificate"},
		"another authority, verify-ca":    {postgres.Config{URL: changed(t, good.URL, "sslrootcert", other, "sslmode", "verify-ca")}, "certificate"},
		"another name":                    {postgres.Config{URL: good.URL, TLS: &tls.Config{RootCAs: roots, ServerName: "db.example"}}, "certificate"},
		"the authority from the program":  {postgres.Config{URL: changed(t, good.URL, "sslmode", "disable"), TLS: &tls.Config{RootCAs: roots}}, ""},
		"no authority":                    {postgres.Config{URL: changed(t, good.URL, "sslrootcert", "")}, "certificate"},
		"no TLS where the server demands": {postgres.Config{URL: changed(t, good.URL, "sslmode", "disable", "sslrootcert", "")}, "no encryption"},
		"no such file":                    {postgres.Config{URL: changed(t, good.URL, "sslrootcert", "/none/ca.pem")}, "cannot be"},
		"PgBouncer":                       {bouncer, ""},
		"PgBouncer, another authority":    {postgres.Config{URL: changed(t, bouncer.URL, "sslrootcert", other), PgBouncer: true}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.MigrateURL, test.cfg.Schema = good.MigrateURL, good.Schema
			s, err := postgres.Open(t.Context(), test.cfg)
			if err == nil {
				_, err = s.Collection(t.Context(), "", "c")
				_ = s.Close()
			}
			if test.say == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if kind := rag.KindOf(err); err == nil || !strings.Contains(err.Error(), test.say) || kind != rag.KindUnavailable && kind != rag.KindInvalid {
				t.Errorf("%s error %v", kind, err)
			}
			if password, _ := mustParse(t, good.URL).User.Password(); err != nil && strings.Contains(err.Error(), password) {
				t.Error("the error tells the password")
			}
		})
	}
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
