package extract_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/smartretriever/smartretriever/text/extract"
	"github.com/smartretriever/smartretriever/text/extract/sandbox"
)

// worker makes the test binary a child that extracts, as the program's hidden
// verb does.
const worker = "EXTRACT_TEST_WORKER"

func TestMain(m *testing.M) {
	if os.Getenv(worker) != "" {
		os.Exit(sandbox.Main(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// isolated returns a configuration whose children are this test binary. The
// compiled engine is kept between runs, as the program keeps it.
func isolated(t testing.TB) extract.Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return extract.Config{
		Command:  []string{self},
		Env:      []string{worker + "=1"},
		CacheDir: filepath.Join(os.TempDir(), "smartretriever-test-wazero"),
	}
}
