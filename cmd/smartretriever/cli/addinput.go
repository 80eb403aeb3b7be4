package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/folder/walk"
)

// parseMetadata reads key=value pairs. true, false and numbers become what they
// look like, quotes keep a text a text, and a key that is given again becomes a list.
func parseMetadata(pairs []string) (rag.Metadata, error) {
	lists := map[string][]rag.Value{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" {
			return nil, usagef("--meta %s: write --meta key=value", pair)
		}
		if strings.HasPrefix(key, "$") {
			return nil, usagef("--meta %s: keys that begin with $ are properties of the document", pair)
		}
		lists[key] = append(lists[key], metadataValue(text))
	}
	if len(lists) == 0 {
		return nil, nil
	}
	m := make(rag.Metadata, len(lists))
	for key, values := range lists {
		m[key] = values[0]
		if len(values) > 1 {
			m[key] = rag.List(values...)
		}
	}
	return m, m.Validate()
}

func metadataValue(text string) rag.Value {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		return rag.Str(text[1 : len(text)-1])
	}
	switch text {
	case "true", "false":
		return rag.Bool(text == "true")
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "_xXnN") {
		return rag.Num(f)
	}
	return rag.Str(text)
}

// passwords gives the password for a file.
type passwords struct {
	all   string
	rules []passwordRule
}

type passwordRule struct{ pattern, password string }

// readPasswords reads a file of lines pattern=password. Empty lines and those that
// begin with # are left out. Messages name the line and never a password.
func readPasswords(all, path string) (passwords, error) {
	p := passwords{all: all}
	if path == "" {
		return p, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return p, usageError{rag.Wrap(rag.KindInvalid, err, "--passwords-file")}
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, password, ok := strings.Cut(line, "=")
		if !ok || walk.CheckPatterns([]string{strings.TrimSpace(pattern)}) != "" {
			return p, usagef("%s:%d: write pattern=password", path, n)
		}
		p.rules = append(p.rules, passwordRule{strings.TrimSpace(pattern), password})
	}
	if err := lines.Err(); err != nil {
		return p, usageError{rag.Wrap(rag.KindInvalid, err, "--passwords-file "+path)}
	}
	return p, nil
}

// of returns the password of the first rule that matches the path, by its end or
// as a whole, or the one for all.
func (p passwords) of(path string) string {
	rel := strings.TrimPrefix(filepath.ToSlash(path), "/")
	for _, r := range p.rules {
		if walk.Match(r.pattern, rel) || walk.Match("**/"+strings.TrimPrefix(r.pattern, "/"), rel) {
			return r.password
		}
	}
	return p.all
}

// interruptible makes reads of r, which may wait for ever for a person or another
// program, end with ctx. What waits in r then stays behind, so r must not be read
// again: it is for standard input of a program that is about to end.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	stop := context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		defer stop()
		_, err := io.Copy(in, r)
		in.CloseWithError(err) // nil is the end
	}()
	return out
}
