package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the tables in docs/configuration.md")

// table returns the settings as a Markdown table.
func table(list []setting, withVariable bool) string {
	var b strings.Builder
	if withVariable {
		b.WriteString("| setting | default | values | meaning |\n|---|---|---|---|\n")
	} else {
		b.WriteString("| part | values | meaning |\n|---|---|---|\n")
	}
	for _, s := range list {
		values := wants(s.typ)
		switch {
		case len(s.enum) > 0:
			values = "`" + strings.Join(s.enum, "`, `") + "`"
		case s.low != "":
			values = fmt.Sprintf("%s, %s to %s", strings.TrimSuffix(strings.TrimPrefix(values, "a "), " like 100MiB"), s.low, s.high)
			values = strings.TrimSuffix(strings.Replace(values, " like 30s", "", 1), " ")
		case s.typ == reflect.TypeFor[string]():
			values = "text"
		case s.typ == reflect.TypeFor[Secret]():
			values = "secret"
		case entrySettings(s.typ) != nil:
			values = "list of entries"
		case s.typ == reflect.TypeFor[[]string]():
			values = "list"
		}
		def := ""
		if s.def != "" {
			def = "`" + s.def + "`"
		}
		if withVariable {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, def, values, s.help)
		} else {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, values, s.help)
		}
	}
	return b.String()
}

// between returns text with what stands between the two marker lines replaced.
func between(t *testing.T, text, name, content string) string {
	t.Helper()
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	before, rest, ok1 := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("docs/configuration.md has no place marked %q", name)
	}
	return before + begin + content + end + after
}

func TestDocumentationIsCurrent(t *testing.T) {
	path := filepath.Join("..", "docs", "configuration.md")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(data), "settings", table(settings, true))
	want = between(t, want, "keys", table(keySettings, false))
	want = between(t, want, "fallbacks", table(chatSettings, false))
	want = between(t, want, "budgets", table(budgetSettings, false))
	want = between(t, want, "secrets", table(secretSettings, false))
	want = between(t, want, "topics", table(topicSettings, false))
	want = between(t, want, "labels", table(labelSettings, false))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Error("docs/configuration.md is not what the settings say; run: go test ./config -run Documentation -update")
	}
}
