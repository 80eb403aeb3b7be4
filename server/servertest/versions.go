package servertest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// kept returns the text of a version that is kept.
func (d *document) kept(version int) (rag.Text, error) {
	t, ok := d.texts[version]
	if !ok {
		return rag.Text{}, rag.Errorf(rag.KindNotFound, "version %d of document %q is not kept", version, d.ID)
	}
	return t, nil
}

func (f *Fake) Versions(_ context.Context, s rag.Scope, id rag.DocumentID) ([]rag.Version, error) {
	_, d, leave, err := f.enterDocument("Versions", s, id)
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []rag.Version
	for _, v := range slices.Sorted(maps.Keys(d.texts)) {
		t := d.texts[v]
		out = append(out, rag.Version{
			Version: v, Current: v == d.Version, CreatedAt: d.CreatedAt, Title: t.Title, MediaType: t.MediaType, TextBytes: len(t.Content),
		})
	}
	return out, nil
}

// CompareVersions takes each text as one line.
func (f *Fake) CompareVersions(_ context.Context, s rag.Scope, id rag.DocumentID, from, to int) (rag.Comparison, error) {
	_, d, leave, err := f.enterDocument("CompareVersions", s, id)
	if err != nil {
		return rag.Comparison{}, err
	}
	defer leave()
	if to == 0 {
		to = d.Version
	}
	for _, v := range []int{from, to} {
		if _, err := d.kept(v); err != nil {
			return rag.Comparison{}, err
		}
	}
	c := rag.Comparison{From: from, To: to}
	if a, b := d.texts[from].Content, d.texts[to].Content; a != b {
		c.Added, c.Removed, c.Diff = 1, 1, fmt.Sprintf("-%q\n+%q\n", a, b)
	}
	return c, nil
}

func (f *Fake) RestoreVersion(_ context.Context, s rag.Scope, id rag.DocumentID, version int) (rag.AddResult, error) {
	c, d, leave, err := f.enterDocument("RestoreVersion", s, id)
	if err != nil {
		return rag.AddResult{}, err
	}
	defer leave()
	t, err := d.kept(version)
	if err != nil {
		return rag.AddResult{}, err
	}
	if version == d.Version {
		return rag.AddResult{}, rag.Errorf(rag.KindInvalid, "version %d is the current one", version)
	}
	return f.put(c, content{Input: rag.Input{ExternalID: d.ExternalID, Title: d.Title, Source: d.Source, Metadata: d.Metadata, ACL: d.ACL, MediaType: t.MediaType}, bytes: []byte(t.Content)})
}

func (f *Fake) ForgetVersions(_ context.Context, s rag.Scope, id rag.DocumentID) (int, error) {
	_, d, leave, err := f.enterDocument("ForgetVersions", s, id)
	if err != nil {
		return 0, err
	}
	defer leave()
	before := len(d.texts)
	maps.DeleteFunc(d.texts, func(v int, _ rag.Text) bool { return v != d.Version })
	return before - len(d.texts), nil
}
