package servertest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

func (f *Fake) Versions(_ context.Context, s rag.Scope, id rag.DocumentID) ([]rag.Version, error) {
	leave, err := f.enter("Versions")
	if err != nil {
		return nil, err
	}
	defer leave()
	_, d, err := f.visible(s, id)
	if err != nil {
		return nil, err
	}
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
	leave, err := f.enter("CompareVersions")
	if err != nil {
		return rag.Comparison{}, err
	}
	defer leave()
	_, d, err := f.visible(s, id)
	if err != nil {
		return rag.Comparison{}, err
	}
	if to == 0 {
		to = d.Version
	}
	for _, v := range []int{from, to} {
		if _, ok := d.texts[v]; !ok {
			return rag.Comparison{}, rag.Errorf(rag.KindNotFound, "version %d of document %q is not kept", v, id)
		}
	}
	c := rag.Comparison{From: from, To: to}
	if a, b := d.texts[from].Content, d.texts[to].Content; a != b {
		c.Added, c.Removed, c.Diff = 1, 1, fmt.Sprintf("-%q\n+%q\n", a, b)
	}
	return c, nil
}

func (f *Fake) RestoreVersion(_ context.Context, s rag.Scope, id rag.DocumentID, version int) (rag.AddResult, error) {
	leave, err := f.enter("RestoreVersion")
	if err != nil {
		return rag.AddResult{}, err
	}
	defer leave()
	c, d, err := f.visible(s, id)
	if err != nil {
		return rag.AddResult{}, err
	}
	t, ok := d.texts[version]
	switch {
	case !ok:
		return rag.AddResult{}, rag.Errorf(rag.KindNotFound, "version %d of document %q is not kept", version, id)
	case version == d.Version:
		return rag.AddResult{}, rag.Errorf(rag.KindInvalid, "version %d is the current one", version)
	}
	return f.put(c, content{Input: rag.Input{ExternalID: d.ExternalID, Title: d.Title, Source: d.Source, Metadata: d.Metadata, ACL: d.ACL, MediaType: t.MediaType}, bytes: []byte(t.Content)})
}

func (f *Fake) ForgetVersions(_ context.Context, s rag.Scope, id rag.DocumentID) (int, error) {
	leave, err := f.enter("ForgetVersions")
	if err != nil {
		return 0, err
	}
	defer leave()
	_, d, err := f.visible(s, id)
	if err != nil {
		return 0, err
	}
	before := len(d.texts)
	maps.DeleteFunc(d.texts, func(v int, _ rag.Text) bool { return v != d.Version })
	return before - len(d.texts), nil
}
