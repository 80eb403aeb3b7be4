package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// The file must be the one that SOURCE.md describes: a changed byte changes
// every vector, and with it what is stored beside texts.
func TestFileIsTheDocumentedOne(t *testing.T) {
	source, err := os.ReadFile("SOURCE.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(BGESmallEnV15())
	if got := hex.EncodeToString(sum[:]); !strings.Contains(string(source), got) {
		t.Errorf("bge-small-en-v1.5.int8.bin has sha256 %s, which SOURCE.md does not name", got)
	}
}
