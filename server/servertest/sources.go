package servertest

import (
	"cmp"
	"context"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

func (f *Fake) AddSource(_ context.Context, s rag.Scope, spec rag.Source) (rag.Source, error) {
	leave, err := f.enter("AddSource")
	if err != nil {
		return rag.Source{}, err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		if c, err = f.create(s, rag.Collection{}); err != nil {
			return rag.Source{}, err
		}
	}
	spec.Collection, spec.CreatedAt = c.Name, f.tick()
	if i := c.source(spec.Name); i >= 0 {
		c.sources[i] = spec
	} else {
		c.sources = append(c.sources, spec)
	}
	return spec, nil
}

// source returns the place of a source in c.sources, -1 if there is none.
func (c *collection) source(name string) int {
	return slices.IndexFunc(c.sources, func(s rag.Source) bool { return s.Name == name })
}

func (f *Fake) Sources(_ context.Context, s rag.Scope) ([]rag.Source, error) {
	leave, err := f.enter("Sources")
	if err != nil {
		return nil, err
	}
	defer leave()
	c, err := f.find(s)
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(slices.Values(c.sources), func(a, b rag.Source) int { return cmp.Compare(a.Name, b.Name) }), nil
}

func (f *Fake) Source(_ context.Context, s rag.Scope, name string) (rag.Source, error) {
	leave, err := f.enter("Source")
	if err != nil {
		return rag.Source{}, err
	}
	defer leave()
	c, i, err := f.findSource(s, name)
	if err != nil {
		return rag.Source{}, err
	}
	return c.sources[i], nil
}

func (f *Fake) findSource(s rag.Scope, name string) (*collection, int, error) {
	c, err := f.find(s)
	if err != nil {
		return nil, 0, err
	}
	i := c.source(name)
	if i < 0 {
		return nil, 0, rag.Errorf(rag.KindNotFound, "there is no source %q", name)
	}
	return c, i, nil
}

func (f *Fake) RemoveSource(_ context.Context, s rag.Scope, name string, documents bool) (int, error) {
	leave, err := f.enter("RemoveSource")
	if err != nil {
		return 0, err
	}
	defer leave()
	c, i, err := f.findSource(s, name)
	if err != nil {
		return 0, err
	}
	items := c.sources[i].Items
	c.sources = slices.Delete(c.sources, i, i+1)
	if !documents {
		items = 0
	}
	return items, nil
}

// StartSync reads at once: every source of this Service has two items, one of which
// cannot be read.
func (f *Fake) StartSync(_ context.Context, s rag.Scope, name string, _ rag.SyncOptions) (rag.Job, error) {
	leave, err := f.enter("StartSync")
	if err != nil {
		return rag.Job{}, err
	}
	defer leave()
	c, i, err := f.findSource(s, name)
	if err != nil {
		return rag.Job{}, err
	}
	src := &c.sources[i]
	src.LastRun, src.LastSuccess = f.tick(), f.tick()
	src.Items, src.Failing = 2, 1
	src.LastReport = rag.SyncReport{Added: 1, Failed: 1, Bytes: 100, Complete: true, Took: 1e9,
		Failures: []rag.SyncFailure{{Path: "broken.pdf", Kind: rag.KindInvalid, Reason: "is damaged"}}}
	j := f.newJob(s, rag.JobSync)
	j.Name, j.Source, j.Admin = name, name, true
	j.Progress = rag.Progress{Items: 2, Complete: true, Done: 2, Added: 1, Failed: 1, Bytes: 100}
	j.items = []rag.JobItem{{Number: 1, Input: rag.StoredInput{ExternalID: "broken.pdf"}, State: rag.Failed, Error: "is damaged", Kind: rag.KindInvalid, Tries: 1}}
	return j.Job, nil
}
