package backends

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/folder"
)

// SourceDeps are what sources are given besides their settings.
type SourceDeps struct {
	// Secret returns the secret that the settings name; KindNotFound if the
	// configuration has none of that name.
	Secret func(name string) (string, error)
	Logger *slog.Logger
}

// sourceKind is a kind of source: how it is written on a command line, and what
// reads it.
type sourceKind struct {
	name string
	// of returns the settings of a source that is written as arg, nil if arg is no
	// source of this kind, and what to call it. The first kind that takes arg counts.
	of func(arg string) (settings map[string]any, name string)
	// open makes what reads it; nil is one that the root package opens itself.
	open func(settings json.RawMessage, deps SourceDeps) (source.Source, error)
}

// sourceKinds is the place where the next kind gets its lines. Kinds that are told by
// a scheme of their own stand before those that take any address.
var sourceKinds = []sourceKind{
	{name: folder.Kind, of: folderOf},
}

// folderOf takes the path of a folder, and file://.
func folderOf(arg string) (map[string]any, string) {
	if u, err := url.Parse(arg); err == nil && strings.EqualFold(u.Scheme, "file") && (u.Host == "" || u.Host == "localhost") {
		arg = filepath.FromSlash(u.Path)
	}
	info, err := os.Stat(arg)
	if err != nil || !info.IsDir() {
		return nil, ""
	}
	abs, err := filepath.Abs(arg)
	if err != nil {
		return nil, ""
	}
	return map[string]any{"path": abs}, filepath.Base(abs)
}

// address is an argument that begins with a scheme of two letters or more: one is
// the letter of a disk.
var address = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// IsAddress reports whether an argument of a command line is an address rather than
// a path. A path that exists is a path.
func IsAddress(arg string) bool {
	if !address.MatchString(arg) {
		return false
	}
	_, err := os.Lstat(arg)
	return err != nil
}

// SourceOf returns the source that an argument of a command line means: a folder or
// an address. kind chooses among those that would take it; "" leaves that to the
// argument. KindInvalid says that none takes it.
func SourceOf(arg, kind string) (rag.Source, map[string]any, error) {
	if u, err := url.Parse(arg); err == nil && u.User != nil {
		if _, secret := u.User.Password(); secret {
			return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "%s: a password in an address would be stored; name it in sources.secrets", u.Redacted())
		}
	}
	for _, k := range sourceKinds {
		if kind != "" && k.name != kind {
			continue
		}
		if settings, name := k.of(arg); settings != nil {
			return rag.Source{Kind: k.name, Name: name}, settings, nil
		}
	}
	if kind != "" && !knownKind(kind) {
		return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "sources of kind %q are not known; known are %s", kind, strings.Join(SourceKinds(), ", "))
	}
	return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "%.200s is nothing that can be read again and again: neither a folder nor an address of a kind that is known (%s)", arg, strings.Join(SourceKinds(), ", "))
}

// SourceKinds lists the kinds of sources.
func SourceKinds() []string {
	names := make([]string, len(sourceKinds))
	for i, k := range sourceKinds {
		names[i] = k.name
	}
	return names
}

func knownKind(name string) bool {
	for _, k := range sourceKinds {
		if k.name == name {
			return true
		}
	}
	return false
}

// sourceOpener returns what opens sources with the secrets of the configuration.
func sourceOpener(cfg config.SourceSettings, deps Deps) func(context.Context, rag.Source) (source.Source, error) {
	secrets := make(map[string]config.Secret, len(cfg.Secrets))
	for _, s := range cfg.Secrets {
		secrets[s.Name] = s.Value
	}
	given := SourceDeps{Logger: deps.Logger, Secret: func(name string) (string, error) {
		if s, ok := secrets[name]; ok {
			return s.Reveal(), nil
		}
		return "", rag.Errorf(rag.KindNotFound, "the secret %q is not among sources.secrets of the configuration", name)
	}}
	return func(_ context.Context, src rag.Source) (source.Source, error) {
		for _, k := range sourceKinds {
			if k.name == src.Kind && k.open != nil {
				return k.open(src.Settings, given)
			}
		}
		return nil, rag.Errorf(rag.KindInvalid, "sources of kind %q are not known; known are %s", src.Kind, strings.Join(SourceKinds(), ", "))
	}
}
