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
	sourceKinds = append(sourceKinds, sourceKind{name: "test", of: func(string, string) (map[string]any, string) { return nil, "" },
		open: func(_ rag.Source, deps SourceDeps) (source.Source, error) {
			for _, name := range []string{"token", "none"} {
				value, err := deps.Secret(name)
				got = append(got, fmt.Sprint(value, " ", rag.KindOf(err)))
			}
			return nil, nil
		}})
	t.Cleanup(func() { sourceKinds = sourceKinds[:len(sourceKinds)-1] })
	open := sourceOpener(config.SourceSettings{Secrets: []config.SourceSecret{{Name: "token", Value: config.NewSecret("sesame")}}}, t.TempDir(), Deps{})
	if _, err := open(t.Context(), rag.Source{Kind: "test"}); err != nil || strings.Join(got, ", ") != "sesame ,  not_found" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := open(t.Context(), rag.Source{Kind: "none"}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
}

func TestAddressesOfSources(t *testing.T) {
	for _, tt := range []struct{ arg, kind, wantKind, settings, name string }{
		{"https://x.test/a/b?c=d", "", "web", `{"mode":"pages","urls":["https://x.test/a/b?c=d"]}`, "x.test-a-b"},
		{"https://x.test/a/b", "web", "web", `{"mode":"pages","urls":["https://x.test/a/b"]}`, "x.test-a-b"},
		{"HTTP://x.test", "page", "web", `{"mode":"pages","urls":["HTTP://x.test"]}`, "x.test"},
		{"https://x.test/news-sitemap.xml", "", "web", `{"mode":"sitemap","urls":["https://x.test/news-sitemap.xml"]}`, "x.test-news-sitemap.xml"},
		{"https://x.test/sitemap.xml.gz", "", "web", `{"mode":"sitemap","urls":["https://x.test/sitemap.xml.gz"]}`, "x.test-sitemap.xml.gz"},
		{"https://x.test/sitemap.xml", "page", "web", `{"mode":"pages","urls":["https://x.test/sitemap.xml"]}`, "x.test-sitemap.xml"},
		{"sitemap:https://x.test/map", "", "web", `{"mode":"sitemap","urls":["https://x.test/map"]}`, "x.test-map"},
		{"site:http://127.0.0.1:81/", "", "web", `{"mode":"site","urls":["http://127.0.0.1:81/"]}`, "127.0.0.1"},
		{"https://x.test/", "site", "web", `{"mode":"site","urls":["https://x.test/"]}`, "x.test"},
		{"feed:https://x.test/rss", "", "feed", `{"urls":["https://x.test/rss"]}`, "x.test-rss"},
		{"https://x.test/rss", "feed", "feed", `{"urls":["https://x.test/rss"]}`, "x.test-rss"},
		{"https://x.test/team/docs.git", "", "git", `{"url":"https://x.test/team/docs.git"}`, "docs"},
		{"git+https://x.test/team/docs", "", "git", `{"url":"https://x.test/team/docs"}`, "docs"},
		{"git+file:///srv/docs.git", "", "git", `{"url":"file:///srv/docs.git"}`, "docs"},
		{"ssh://git@x.test/team/docs.git", "", "git", `{"url":"ssh://git@x.test/team/docs.git"}`, "docs"},
		{"git+ssh://x.test/docs", "", "git", `{"url":"ssh://x.test/docs"}`, "docs"},
		{"https://x.test/team/docs", "git", "git", `{"url":"https://x.test/team/docs"}`, "docs"},
		{"s3://papers", "", "s3", `{"bucket":"papers"}`, "papers"},
		{"s3://papers/2024/q1", "", "s3", `{"bucket":"papers","prefix":"2024/q1"}`, "papers-2024-q1"},
		{"https://x.test/v1", "rest", "rest", `{"url":"https://x.test/v1"}`, "x.test-v1"},
	} {
		src, settings, err := SourceOf(tt.arg, tt.kind)
		got, _ := json.Marshal(settings)
		if err != nil || src.Kind != tt.wantKind || src.Name != tt.name || string(got) != tt.settings {
			t.Errorf("%s %s: %+v %s, %v", tt.kind, tt.arg, src, got, err)
		}
	}
	for _, arg := range []string{"site:https://me:hunter2@x.test/", "feed:https://me:hunter2@x.test/"} {
		if _, _, err := SourceOf(arg, ""); rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), "sources.secrets") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", arg, err)
		}
	}
	if _, _, err := SourceOf("feed:https://x.test/", "site"); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
}

func TestWhoMayAllow(t *testing.T) {
	page := rag.Source{Kind: "web", Settings: json.RawMessage(`{"urls":["http://10.0.0.1/"],"allow":["10.0.0.1"]}`)}
	if _, err := sourceOpener(config.SourceSettings{}, t.TempDir(), Deps{})(t.Context(), page); err != nil {
		t.Error(err)
	}
	locked := sourceOpener(config.SourceSettings{APIKinds: []string{"web"}, Allow: []string{"10.0.0.0/8"}}, t.TempDir(), Deps{})
	if _, err := locked(t.Context(), page); rag.KindOf(err) != rag.KindRefused {
		t.Errorf("%v", err)
	}
	twice := rag.Source{Kind: "web", ACL: []string{"a"}, Settings: json.RawMessage(`{"urls":["http://10.0.0.1/"],"acl":["b"]}`)}
	if _, err := locked(t.Context(), twice); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("%v", err)
	}
}
