// Package git reads the files of a Git repository, as they are on a branch, at a tag
// or in a commit.
//
// An item is a file, its ID the path and its fingerprint the hash of its content. A
// repository behind HTTP or ssh is kept as a bare clone without history in a folder that may
// be deleted at any time; one on this machine is read where it is. After the first
// reading, what differs between two trees is told. No program is run and no
// configuration of Git or of ssh is read.
//
//	git.go     settings
//	remote.go  the protocol: references, packs; over HTTP
//	ssh.go     over ssh: keys, servers that are known
//	pack.go    what a pack may ask of this machine
//	repo.go    the clone, objects
//	tree.go    listing trees, and what differs between two
//	sync.go    one reading
//	link.go    addresses of files for people
package git

import (
	"cmp"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/paths"
)

// Settings say which repository is read, and what of it. They are kept as JSON.
// A password or token is named in Auth, for the origin of the repository: most hosts
// take it with the scheme "basic".
//
// Of the embedded settings MaxBytes bounds a file, and Timeout (0 is 30m here) the
// sending of a pack. MaxRedirects counts for nothing: up to five are followed when
// the repository is looked for.
type Settings struct {
	fetch.Settings

	// URL is https://HOST/PATH, http://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH, or
	// a repository on this machine, bare or not: file:///PATH or an absolute path.
	URL string `json:"url"`
	// SSH says how one behind ssh is reached.
	SSH SSH `json:"ssh,omitzero"`
	// Ref is a branch, a tag, the full name of a reference, or a commit (40
	// hexadecimal digits), if the server gives out commits; "" is the default branch.
	Ref     string   `json:"ref,omitempty"`
	Path    string   `json:"path,omitempty"`    // only what is below this folder
	Include []string `json:"include,omitempty"` // see package paths
	Exclude []string `json:"exclude,omitempty"`
	// History is how many commits back the last one that changed a file is looked for,
	// to give author and date. 0 looks for none, which spares fetching them; at most
	// 1,000.
	History int `json:"history,omitempty"`
	// Link makes the address of a file for people, with {path}, {commit} and {ref} in it;
	// "" knows those of GitHub, GitLab, Bitbucket and Codeberg.
	Link string `json:"link,omitempty"`

	MaxFiles           int   `json:"max_files,omitempty"`            // that are wanted; more is an error; 0 is 100,000, at most 1,000,000
	MaxRepositoryBytes int64 `json:"max_repository_bytes,omitempty"` // sent by a server in one go, and kept of it; 0 is 1 GiB, at most 64 GiB

	Metadata map[string]string `json:"metadata,omitempty"` // of every item
	ACL      []string          `json:"acl,omitempty"`      // of every item
}

// Deps is what the source needs from the program.
type Deps struct {
	fetch.Deps
	// Dir is a folder of this source's own, for the clone of a repository behind HTTP.
	// It is made when it is needed, and may be deleted at any time. It takes up to
	// three times MaxRepositoryBytes.
	Dir string
	// Folders are what repositories on this machine must be below where Locked is set;
	// none are read then if it is empty.
	Folders []string
}

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	s.Timeout = cmp.Or(s.Timeout, fetch.Duration(30*time.Minute))
	s.Settings = s.Settings.WithDefaults()
	s.MaxFiles = cmp.Or(s.MaxFiles, 100_000)
	s.MaxRepositoryBytes = cmp.Or(s.MaxRepositoryBytes, 1<<30)
	return s
}

// Validate reports all faults together, as KindInvalid.
func (s Settings) Validate() error {
	f := fetch.Faults(s.Faults())
	s = s.WithDefaults()
	_, behind := sshURL(s.URL)
	if !behind {
		f = append(f, s.SSH.faults(s.URL, false)...)
	}
	if _, local := localPath(s.URL); !local {
		switch {
		case behind:
			f = append(f, s.SSH.faults(s.URL, s.Proxy != "")...)
		case strings.HasPrefix(s.URL, "git://"), !strings.Contains(s.URL, "://") && strings.Contains(s.URL, ":"):
			f.Add("url: repositories are read over https, over ssh (ssh://USER@HOST/PATH) or from this machine")
		default:
			f.URL("url", s.URL)
		}
		if u, err := url.Parse(s.URL); err == nil && (u.RawQuery != "" || u.Fragment != "") {
			f.Add("url of a repository has neither a query nor a fragment")
		}
	}
	if len(s.Ref) > 1024 || strings.ContainsFunc(s.Ref, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		f.Add("ref is no name of a branch, a tag or a commit")
	}
	if s.Path != "" && (strings.HasPrefix(s.Path, "/") || path.Clean(s.Path) != strings.TrimSuffix(s.Path, "/") || strings.HasPrefix(s.Path, "..")) {
		f.Add("path must be a folder in the repository, like docs/guide")
	}
	_, bad := paths.New(s.Include, s.Exclude)
	f = append(f, bad...)
	f.Between("history", int64(s.History), 0, 1000)
	f.Between("max_files", int64(s.MaxFiles), 1, 1_000_000)
	f.Between("max_repository_bytes", s.MaxRepositoryBytes, 1, 64<<30)
	if s.Link != "" {
		if u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(s.Link)); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			f.Add("link must be an http or https URL without a password, with {path} in it")
		}
	}
	if err := fetch.Metadata(s.Metadata).Validate(); err != nil {
		f.Add("metadata: %v", err)
	}
	return f.Err()
}

// localPath returns the folder that the URL of a repository on this machine means.
func localPath(raw string) (string, bool) {
	if rest, ok := strings.CutPrefix(raw, "file://"); ok {
		u, err := url.Parse(raw)
		if err != nil || u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
			return rest, false
		}
		return filepath.FromSlash(u.Path), true
	}
	return raw, filepath.IsAbs(raw)
}

// Source reads a repository. It is goroutine-safe, but for Sync: one Sync at a time
// uses Deps.Dir.
type Source struct {
	set    Settings
	deps   Deps
	client *fetch.Client
	filter paths.Filter
	local  string   // folder of a repository on this machine, or
	url    *url.URL // address of one behind HTTP or ssh
	shape  string   // of everything in the settings that items depend on
	clone  string   // of everything that the clone depends on
}

var _ source.Source = (*Source)(nil)

// New returns a source, or an error as fetch.New does; KindRefused also for a
// repository on this machine that Deps does not let it have. It connects to nothing.
func New(settings Settings, deps Deps) (*Source, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	set := settings.WithDefaults()
	set.Path = strings.TrimSuffix(set.Path, "/")
	client, err := fetch.New(set.Settings, deps.Deps)
	if err != nil {
		return nil, err
	}
	deps.Deps = client.Deps()
	s := &Source{set: set, deps: deps, client: client}
	s.filter, _ = paths.New(set.Include, set.Exclude) // the patterns have been checked with the settings
	s.shape = fetch.Digest(set.URL, set.Ref, set.Path, set.Include, set.Exclude, set.MaxBytes, set.History > 0, set.Link, set.Metadata, set.ACL)
	s.clone = fetch.Digest(set.URL, set.MaxBytes, set.History)
	if folder, ok := localPath(set.URL); ok {
		s.local = filepath.Clean(folder)
		return s, s.mayRead(s.local)
	}
	if deps.Dir == "" {
		return nil, rag.Errorf(rag.KindInternal, "a Git repository needs a folder for its clone")
	}
	if u, behind := sshURL(set.URL); behind {
		// Keys, agents and files of this machine are not for those who write settings.
		if deps.Locked {
			return nil, rag.Errorf(rag.KindRefused, "repositories over ssh are not read here, since whoever runs this server lets others write the settings of sources")
		}
		s.url = u
		return s, nil
	}
	if s.url, err = url.Parse(strings.TrimSuffix(set.URL, "/")); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "url is malformed")
	}
	return s, nil
}

// mayRead refuses folders of this machine that are not for those who write settings.
// Links are followed first, so that none leads out.
func (s *Source) mayRead(folder string) error {
	if !s.deps.Locked {
		return nil
	}
	real, err := filepath.EvalSymlinks(folder)
	if err == nil {
		for _, allowed := range s.deps.Folders {
			if allowed, err = filepath.EvalSymlinks(allowed); err == nil {
				if rel, err := filepath.Rel(allowed, real); err == nil && filepath.IsLocal(rel) {
					return nil
				}
			}
		}
	}
	return rag.Errorf(rag.KindRefused, "repositories on this machine are not read here, but for those in folders that whoever runs this server allows")
}
