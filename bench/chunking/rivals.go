package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// rival is how another project cuts the texts: rivals.py has written it down.
type rival struct {
	name string
	cut  [][]rag.Chunk
}

// loadRivals reads a folder of what rivals.py writes: for each text its spans in
// code points.
func (s *spans) loadRivals(dir string, count func(string) int) ([]rival, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s: no rivals (%w)", dir, err)
	}
	slices.Sort(files)
	var out []rival
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		var byName map[string][][2]int
		if err := json.Unmarshal(data, &byName); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		r := rival{name: strings.TrimSuffix(filepath.Base(f), ".json"), cut: make([][]rag.Chunk, len(s.texts))}
		for i, name := range s.names {
			text := s.texts[i].Content
			for _, at := range byName[name] {
				if at[0] < 0 || at[1] >= len(s.runes[i]) || at[0] > at[1] {
					return nil, fmt.Errorf("%s: %v is not in %s", f, at, name)
				}
				span := rag.Span{Start: s.runes[i][at[0]], End: s.runes[i][at[1]]}
				if body := span.Of(text); strings.TrimSpace(body) != "" {
					r.cut[i] = append(r.cut[i], rag.Chunk{Span: span, Text: body, Tokens: count(body)})
				}
			}
		}
		out = append(out, r)
	}
	return out, nil
}
