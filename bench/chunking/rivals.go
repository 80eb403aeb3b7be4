package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// rivalNames lists what rivals.py has cut texts with, in a folder of it.
func rivalNames(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s: no rivals (%w)", dir, err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	slices.Sort(files)
	return files, nil
}

// loadRival reads how another project has cut texts, which rivals.py has written
// down: for each text, by its name, its spans in code points.
func loadRival(dir, rival string, names []string, text func(i int) string, count func(string) int) ([][]rag.Chunk, error) {
	f := filepath.Join(dir, rival+".json")
	data, err := os.ReadFile(f)
	if err != nil {
		return nil, err
	}
	var byName map[string][][2]int
	if err := json.Unmarshal(data, &byName); err != nil {
		return nil, fmt.Errorf("%s: %w", f, err)
	}
	cut := make([][]rag.Chunk, len(names))
	for i, name := range names {
		content := text(i)
		runes := make([]int, 0, utf8.RuneCountInString(content)+1)
		for at := range content {
			runes = append(runes, at)
		}
		runes = append(runes, len(content))
		spans, there := byName[name]
		if !there {
			return nil, fmt.Errorf("%s: %s is not cut", f, name)
		}
		for _, at := range spans {
			if at[0] < 0 || at[1] >= len(runes) || at[0] > at[1] {
				return nil, fmt.Errorf("%s: %v is not in %s", f, at, name)
			}
			span := rag.Span{Start: runes[at[0]], End: runes[at[1]]}
			if body := span.Of(content); strings.TrimSpace(body) != "" {
				cut[i] = append(cut[i], rag.Chunk{Span: span, Text: body, Tokens: count(body)})
			}
		}
	}
	return cut, nil
}
