package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/rag"
)

// placeFlags say how a place that documents come from is read.
type placeFlags struct {
	include, exclude, acl, meta []string
	hidden                      bool
	kind, settings              string
}

func (f *placeFlags) define(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.include, "include", nil, "only files, or pages of a site, that match the `pattern`; may be repeated")
	fl.StringArrayVar(&f.exclude, "exclude", nil, "no files, folders or pages that match the `pattern`; may be repeated")
	fl.BoolVar(&f.hidden, "hidden", false, "in folders, also files and folders whose name begins with a dot")
	fl.StringArrayVar(&f.meta, "meta", nil, "metadata for every file, as `key=value`; several values of a key make a list")
	fl.StringArrayVar(&f.acl, "acl", nil, "`principal` (user or group) that may see the files; may be repeated")
	fl.StringVar(&f.kind, "kind", "", "`kind` of source that a URL is: "+strings.Join(backends.SourceForms(), ", ")+"; without it, a page")
	fl.StringVar(&f.settings, "settings", "", "more settings of a source, as a `JSON` or YAML object or @FILE; see docs/sources.md")
}

// maxSettings bounds a file of settings.
const maxSettings = 64 << 10

// spec is the source that an argument and the flags mean; without an argument, the
// flags alone.
func (f *placeFlags) spec(arg string) (rag.Source, error) {
	src := rag.Source{ACL: f.acl}
	var settings map[string]any
	var err error
	if arg == "" {
		if src.Kind, settings = backends.KindOf(f.kind); src.Kind == "" {
			return src, usagef("--kind %s is not known; known are %s", f.kind, strings.Join(backends.SourceForms(), ", "))
		}
	} else {
		if src, settings, err = backends.SourceOf(arg, f.kind); err != nil {
			return src, usageError{err}
		}
		settings, src.ACL = maps.Clone(settings), f.acl
	}
	if src.Metadata, err = parseMetadata(f.meta); err != nil {
		return src, err
	}
	if len(f.include) > 0 {
		settings["include"] = f.include
	}
	if len(f.exclude) > 0 {
		settings["exclude"] = f.exclude
	}
	if f.hidden {
		settings["hidden"] = true
	}
	more, err := f.moreSettings()
	if err != nil {
		return src, err
	}
	maps.Copy(settings, more)
	src.Settings, err = json.Marshal(settings)
	return src, rag.Wrap(rag.KindInvalid, err, "settings")
}

func (f *placeFlags) moreSettings() (map[string]any, error) {
	text := f.settings
	if path, ok := strings.CutPrefix(text, "@"); ok {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, usageError{rag.Wrap(rag.KindInvalid, err, "--settings")}
		}
		text = string(data)
	}
	if text == "" {
		return nil, nil
	}
	if len(text) > maxSettings {
		return nil, usagef("--settings has %d bytes; at most %d are taken", len(text), maxSettings)
	}
	var more map[string]any
	if err := yaml.Unmarshal([]byte(text), &more); err != nil { // JSON is YAML
		return nil, usagef("--settings is no object in JSON or YAML: %s", yaml.FormatError(err, false, false))
	}
	return more, nil
}

// placeOf says where a source is, as far as its settings tell.
func placeOf(src rag.Source) string {
	var s map[string]any
	if json.Unmarshal(src.Settings, &s) != nil {
		return ""
	}
	for _, key := range []string{"path", "url", "repository", "bucket"} {
		if text, ok := s[key].(string); ok {
			return text
		}
	}
	list, _ := s["urls"].([]any)
	switch len(list) {
	case 0:
		return ""
	case 1:
		return fmt.Sprint(list[0])
	}
	return fmt.Sprintf("%v and %d more", list[0], len(list)-1)
}
