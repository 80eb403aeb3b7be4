package fetch

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"github.com/smartretriever/smartretriever/rag"
)

const maxCAs = 4 << 20 // bytes of a file of certificates; that of the public ones has 200 KiB

// withCAs returns pool, or the system's where it is nil, with the certificates of PEM files
// added, such as that of a company's own authority.
func withCAs(pool *x509.CertPool, files ...string) (*x509.CertPool, error) {
	own := false
	for _, file := range files {
		if file == "" {
			continue
		}
		data, err := readCAs(file)
		if err != nil {
			return nil, err
		}
		if !own {
			if pool, err = ownPool(pool); err != nil {
				return nil, err
			}
			own = true
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, rag.Errorf(rag.KindInvalid, "ca_file: %.200s holds no certificate in the form PEM (-----BEGIN CERTIFICATE-----)", file)
		}
	}
	return pool, nil
}

// ownPool is a pool that can be added to.
func ownPool(pool *x509.CertPool) (*x509.CertPool, error) {
	if pool != nil {
		return pool.Clone(), nil
	}
	pool, err := x509.SystemCertPool()
	return pool, rag.Wrap(rag.KindInternal, err, "the certificates of this system cannot be read")
}

func readCAs(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "ca_file")
	}
	defer f.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(f, maxCAs+1))
	if err == nil && len(data) > maxCAs {
		err = fmt.Errorf("%.200s is larger than %s", file, size(maxCAs))
	}
	return data, rag.Wrap(rag.KindInvalid, err, "ca_file")
}
