package backends

import (
	"crypto/tls"
	"testing"

	"github.com/smartretriever/smartretriever/config"
)

// TestWeaviateOverTLS: the key is not sent in the open to one of the server's two addresses when the other one is encrypted.
func TestWeaviateOverTLS(t *testing.T) {
	for _, c := range []struct {
		url, grpc string
		secure    *tls.Config
		want      string
	}{
		{"http://w:8080", "w:50051", nil, "grpc://w:50051"},
		{"https://w:443", "w:50051", nil, "grpcs://w:50051"},
		{"http://w:8080", "w:50051", &tls.Config{}, "grpcs://w:50051"},
		{"https://w:443", "grpc://w:50051", nil, "grpc://w:50051"}, // as it is said
		{"https://w:443", "", nil, ""},                             // which the adapter derives from the other
	} {
		cfg := config.Default()
		cfg.Index.Database.URL, cfg.Index.Database.GRPCURL = c.url, c.grpc
		if got := weaviateConfig(cfg, c.secure).GRPC; got != c.want {
			t.Errorf("%s and %q: %q, want %q", c.url, c.grpc, got, c.want)
		}
	}
}
