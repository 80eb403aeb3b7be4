package backends_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
)

// TestPlacesOfADeployment: original files are copied from and to where a program with the
// same settings keeps them, which may be outside its data folder.
func TestPlacesOfADeployment(t *testing.T) {
	data, shared := t.TempDir(), filepath.Join(t.TempDir(), "originals")
	for folder, want := range map[string]string{"": filepath.Join(data, "blobs"), shared: shared} {
		cfg := config.Default()
		cfg.Data, cfg.Blobs.Folder = data, folder
		d, err := backends.OpenDeployment(t.Context(), cfg, backends.Deps{}, true)
		if err != nil {
			t.Fatal(err)
		}
		sha, _, err := d.Originals.Put(t.Context(), strings.NewReader("an original"), 100)
		if err != nil {
			t.Error(err)
		}
		if files, err := filepath.Glob(filepath.Join(want, sha[:2], "*")); err != nil || len(files) != 1 || d.PlaceOriginals != "folder "+want {
			t.Errorf("blobs.folder %q: %q with %v in %s, %v", folder, d.PlaceOriginals, files, want, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
