package convert

import (
	"archive/zip"
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the fixture of the command's tests again")

// TestFixtures holds the models that the command's tests add: the tiny ones in 16
// bits and a static one, in archives that are the same whenever they are made.
func TestFixtures(t *testing.T) {
	files := tinyFiles("mean")
	files["model.safetensors"] = string(writeSafetensors("F16", tinyTensors()))
	fixture(t, "tiny-model.zip", files)
	files = scorerFiles(scorerTensors())
	files["model.safetensors"] = string(writeSafetensors("F16", scorerTensors()))
	fixture(t, "tiny-reranker.zip", files)
	files, _ = staticFiles(true, true)
	fixture(t, "tiny-static.zip", files)
}

func fixture(t *testing.T, name string, files map[string]string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "cmd", "smartretriever", "testdata", name)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, out.Bytes()) {
		t.Errorf("%s is not the tiny model (%v); run: go test ./model/bert/convert -run Fixture -update", path, err)
	}
}
