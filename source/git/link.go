package git

import (
	"net/url"
	"strings"
)

// links are the addresses of files at hosts that are known, by host.
var links = map[string]string{
	"github.com":    "/blob/{commit}/{path}",
	"gitlab.com":    "/-/blob/{commit}/{path}",
	"bitbucket.org": "/src/{commit}/{path}",
	"codeberg.org":  "/src/commit/{commit}/{path}",
}

// link returns the address of a file for people, "" if there is none.
func (s *Source) link(commit, path string) string {
	template := s.set.Link
	if template == "" && s.url != nil {
		if tail, ok := links[strings.TrimPrefix(strings.ToLower(s.url.Hostname()), "www.")]; ok {
			template = "https://" + s.url.Hostname() + "/" + strings.TrimPrefix(strings.TrimSuffix(s.url.EscapedPath(), ".git"), "/") + tail
		}
	}
	if template == "" {
		return ""
	}
	return strings.NewReplacer("{path}", escape(path), "{commit}", commit, "{ref}", escape(s.set.Ref)).Replace(template)
}

// escape makes a path fit for an address, slash by slash.
func escape(path string) string {
	names := strings.Split(path, "/")
	for i, name := range names {
		names[i] = url.PathEscape(name)
	}
	return strings.Join(names, "/")
}
