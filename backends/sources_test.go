package backends

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

func TestSourceOf(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"docs", "a:b"} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ arg, kind, path, says string }{
		{"docs", "", "docs", ""},
		{"docs/", "folder", "docs", ""},
		{"a:b", "", "a:b", ""},
		{"file://" + filepath.ToSlash(dir) + "/docs", "", "docs", ""},
		{"file://elsewhere/docs", "", "", "neither a folder nor"},
		{"file", "", "", "neither a folder nor"},
		{"gopher://x.test/", "", "", "known (folder"},
		{"docs", "nonsense", "", `kind "nonsense"`},
		{"https://me:hunter2@x.test/", "", "", "sources.secrets"},
	} {
		src, settings, err := SourceOf(tt.arg, tt.kind)
		if tt.says != "" {
			if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v", tt.arg, err)
			}
			continue
		}
		if err != nil || src.Kind != "folder" || src.Name != tt.path || settings["path"] != filepath.Join(dir, tt.path) {
			t.Errorf("%s: %+v, %v, %v", tt.arg, src, settings, err)
		}
	}
	for arg, want := range map[string]bool{"https://x.test": true, "git+https://x.test": true, "feed:https://x.test": true, "a:b": false, "c:\\docs": false, "docs": false, "no:such": true} {
		if IsAddress(arg) != want {
			t.Errorf("%s: an address: %v", arg, !want)
		}
	}
}

func TestSecretsOfSources(t *testing.T) {
	var got []string
	sourceKinds = append(sourceKinds, sourceKind{name: "test", of: func(string) (map[string]any, string) { return nil, "" },
		open: func(_ json.RawMessage, deps SourceDeps) (source.Source, error) {
			for _, name := range []string{"token", "none"} {
				value, err := deps.Secret(name)
				got = append(got, fmt.Sprint(value, " ", rag.KindOf(err)))
			}
			return nil, nil
		}})
	t.Cleanup(func() { sourceKinds = sourceKinds[:len(sourceKinds)-1] })
	open := sourceOpener(config.SourceSettings{Secrets: []config.SourceSecret{{Name: "token", Value: config.NewSecret("sesame")}}}, Deps{})
	if _, err := open(t.Context(), rag.Source{Kind: "test"}); err != nil || strings.Join(got, ", ") != "sesame ,  not_found" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := open(t.Context(), rag.Source{Kind: "none"}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
}
