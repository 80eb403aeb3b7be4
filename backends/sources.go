package backends

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/feed"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/folder"
	"github.com/smartretriever/smartretriever/source/git"
	"github.com/smartretriever/smartretriever/source/rest"
	"github.com/smartretriever/smartretriever/source/s3"
	"github.com/smartretriever/smartretriever/source/web"
)

// SourceDeps are what sources are given besides their settings.
type SourceDeps struct {
	// Secret returns the secret that the settings name; KindNotFound if the
	// configuration has none of that name.
	Secret func(name string) (string, error)
	Allow  []string // what may be reached although it is not public
	CAFile string   // of authorities that are trusted besides the system's
	// Locked says that settings may allow no more than that, since not only whoever
	// runs the program writes them.
	Locked bool
	// Dir is for copies that sources keep of what they read, and can make again.
	Dir    string
	Logger *slog.Logger
}

// dirOf is a source's own folder below Dir.
func (d SourceDeps) dirOf(src rag.Source) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{src.Tenant, src.Collection, strconv.FormatInt(src.CollectionID, 10), src.Kind, src.Name, string(src.Settings)}, "\x00")))
	return filepath.Join(d.Dir, hex.EncodeToString(sum[:16]))
}

// sourceKind is a kind of source: how it is written on a command line, and what
// reads it.
type sourceKind struct {
	name string
	// forms are further ways to write it: arguments that begin with one and a colon,
	// and values of --kind.
	forms []string
	// of returns the settings of a source that is written as arg, nil if arg is no
	// source of this kind, and what to call it. The first kind that takes arg counts.
	// form is the one that was asked for, or the kind's name; "" leaves it to arg.
	of func(arg, form string) (settings map[string]any, name string)
	// open makes what reads it; nil is one that the root package opens itself.
	open func(src rag.Source, deps SourceDeps) (source.Source, error)
}

// sourceKinds is the place where the next kind gets its lines. Kinds that are told by
// a scheme of their own stand before those that take any address.
var sourceKinds = []sourceKind{
	{name: folder.Kind, of: folderOf},
	{name: "git", of: gitOf, open: func(src rag.Source, deps SourceDeps) (source.Source, error) {
		return open(src, func(s git.Settings) (source.Source, error) {
			return git.New(s, git.Deps{Deps: deps.fetch(), Dir: deps.dirOf(src)})
		})
	}},
	{name: "s3", of: s3Of, open: func(src rag.Source, deps SourceDeps) (source.Source, error) {
		return open(src, func(s s3.Settings) (source.Source, error) { return s3.New(s, deps.fetch()) })
	}},
	{name: "feed", of: feedOf, open: func(src rag.Source, deps SourceDeps) (source.Source, error) {
		return open(src, func(s feed.Settings) (source.Source, error) { return feed.New(s, deps.fetch()) })
	}},
	{name: "rest", of: restOf, open: func(src rag.Source, deps SourceDeps) (source.Source, error) {
		return open(src, func(s rest.Settings) (source.Source, error) { return rest.New(s, deps.fetch()) })
	}},
	{name: "web", forms: []string{"page", "sitemap", "site"}, of: webOf, open: func(src rag.Source, deps SourceDeps) (source.Source, error) {
		return open(src, func(s web.Settings) (source.Source, error) { return web.New(s, deps.fetch()) })
	}},
}

// fetch is what sources that speak HTTP are given.
func (d SourceDeps) fetch() fetch.Deps {
	return fetch.Deps{Secret: d.Secret, Allow: d.Allow, CAFile: d.CAFile, Locked: d.Locked, Logger: d.Logger}
}

// open makes a source of settings that may name the access list of every item, too.
func open[S any](src rag.Source, create func(S) (source.Source, error)) (source.Source, error) {
	var settings S
	if err := source.DecodeSettings(src.Kind, src.Settings, &settings); err != nil {
		return nil, err
	}
	var both struct {
		ACL []string `json:"acl"`
	}
	if err := json.Unmarshal(src.Settings, &both); err == nil && len(both.ACL) > 0 && len(src.ACL) > 0 {
		return nil, rag.Errorf(rag.KindInvalid, "the access list is given twice: by the source and as acl in its settings")
	}
	return create(settings)
}

// gitOf takes git+https://, git+http:// and git+file://, ssh://, addresses of the web that
// end in .git, and whatever git.Settings.URL may be if git was asked for.
func gitOf(arg, form string) (map[string]any, string) {
	bare, marked := strings.CutPrefix(arg, "git+")
	u, err := url.Parse(bare)
	switch {
	case err != nil:
		return nil, ""
	case marked, form == "git", strings.EqualFold(u.Scheme, "ssh"), httpURL(bare) != nil && strings.HasSuffix(u.Path, ".git"):
	default:
		return nil, ""
	}
	name := strings.TrimSuffix(path.Base(strings.TrimRight(filepath.ToSlash(u.Path), "/")), ".git")
	if u.Scheme == "" { // a folder on this machine
		if abs, err := filepath.Abs(bare); err == nil {
			bare = abs
		}
	}
	return map[string]any{"url": bare}, name
}

// s3Of takes s3://BUCKET/PREFIX.
func s3Of(arg, _ string) (map[string]any, string) {
	u, err := url.Parse(arg)
	if err != nil || !strings.EqualFold(u.Scheme, "s3") || u.Host == "" {
		return nil, ""
	}
	settings := map[string]any{"bucket": u.Host}
	if prefix := strings.TrimPrefix(u.Path, "/"); prefix != "" {
		settings["prefix"] = prefix
	}
	return settings, hostAndPath(u)
}

// webModes are what the forms of web stand for.
var webModes = map[string]string{"page": web.Pages, "sitemap": web.Sitemap, "site": web.Site}

// webOf takes http and https: a page, unless the form or the address's end says
// otherwise.
func webOf(arg, form string) (map[string]any, string) {
	u := httpURL(arg)
	if u == nil {
		return nil, ""
	}
	mode := webModes[form]
	if mode == "" {
		mode = web.Pages
		if last := strings.ToLower(path.Base(u.Path)); strings.HasSuffix(last, "sitemap.xml") || strings.HasSuffix(last, "sitemap.xml.gz") {
			mode = web.Sitemap
		}
	}
	return map[string]any{"mode": mode, "urls": []any{arg}}, hostAndPath(u)
}

// feedOf takes http and https if a feed was asked for.
func feedOf(arg, form string) (map[string]any, string) {
	u := httpURL(arg)
	if u == nil || form == "" {
		return nil, ""
	}
	return map[string]any{"urls": []any{arg}}, hostAndPath(u)
}

// restOf takes http and https if an API was asked for, of which the settings say the
// rest.
func restOf(arg, form string) (map[string]any, string) {
	u := httpURL(arg)
	if u == nil || form == "" {
		return nil, ""
	}
	return map[string]any{"url": arg}, hostAndPath(u)
}

// httpURL is an address of the web, nil if arg is none.
func httpURL(arg string) *url.URL {
	u, err := url.Parse(arg)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https") {
		return nil
	}
	return u
}

// hostAndPath names what an address leads to.
func hostAndPath(u *url.URL) string {
	return strings.ReplaceAll(strings.Trim(u.Hostname()+u.Path, "/"), "/", "-")
}

// folderOf takes the path of a folder, and file://.
func folderOf(arg, _ string) (map[string]any, string) {
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
	if form, rest, ok := strings.Cut(arg, ":"); ok && kindOf(form) != "" && httpURL(rest) != nil {
		if kind != "" && kindOf(kind) != kindOf(form) {
			return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "--kind %s does not go with an address that begins with %s:", kind, form)
		}
		arg, kind = rest, form
	}
	if u, err := url.Parse(arg); err == nil && u.User != nil {
		if _, secret := u.User.Password(); secret {
			return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "%s: a password in an address would be stored; name it in sources.secrets", u.Redacted())
		}
	}
	for _, k := range sourceKinds {
		if kind != "" && k.name != kindOf(kind) {
			continue
		}
		if settings, name := k.of(arg, kind); settings != nil {
			return rag.Source{Kind: k.name, Name: name}, settings, nil
		}
	}
	if kind != "" && kindOf(kind) == "" {
		return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "sources of kind %q are not known; known are %s", kind, strings.Join(SourceKinds(), ", "))
	}
	return rag.Source{}, nil, rag.Errorf(rag.KindInvalid, "%.200s is nothing that can be read again and again: neither a folder nor an address of a kind that is known (%s)", arg, strings.Join(SourceKinds(), ", "))
}

// KindOf returns the kind that a name or form of SourceForms means, and the settings that
// the form stands for; "" if there is none.
func KindOf(form string) (kind string, settings map[string]any) {
	settings = map[string]any{}
	if mode := webModes[form]; mode != "" {
		settings["mode"] = mode
	}
	return kindOf(form), settings
}

// SourceForms lists the kinds of sources as SourceOf takes them.
func SourceForms() []string {
	var names []string
	for _, k := range sourceKinds {
		if len(k.forms) > 0 {
			names = append(names, k.forms...)
		} else {
			names = append(names, k.name)
		}
	}
	return names
}

// SourceKinds lists the kinds of sources.
func SourceKinds() []string {
	names := make([]string, len(sourceKinds))
	for i, k := range sourceKinds {
		names[i] = k.name
	}
	return names
}

// kindOf is the kind that a name or form means, "" if there is none.
func kindOf(form string) string {
	for _, k := range sourceKinds {
		if k.name == form || slices.Contains(k.forms, form) {
			return k.name
		}
	}
	return ""
}

// sourceOpener returns what opens sources with the secrets of the configuration. What they
// keep lies below dir.
func sourceOpener(cfg config.SourceSettings, dir string, deps Deps) func(context.Context, rag.Source) (source.Source, error) {
	secrets := make(map[string]config.Secret, len(cfg.Secrets))
	for _, s := range cfg.Secrets {
		secrets[s.Name] = s.Value
	}
	given := SourceDeps{Logger: deps.Logger, Dir: dir, Allow: cfg.Allow, CAFile: cfg.CAFile, Locked: len(cfg.APIKinds) > 0, Secret: func(name string) (string, error) {
		if s, ok := secrets[name]; ok {
			return s.Reveal(), nil
		}
		return "", rag.Errorf(rag.KindNotFound, "the secret %q is not among sources.secrets of the configuration", name)
	}}
	return func(_ context.Context, src rag.Source) (source.Source, error) {
		for _, k := range sourceKinds {
			if k.name == src.Kind && k.open != nil {
				return k.open(src, given)
			}
		}
		return nil, rag.Errorf(rag.KindInvalid, "sources of kind %q are not known; known are %s", src.Kind, strings.Join(SourceKinds(), ", "))
	}
}
