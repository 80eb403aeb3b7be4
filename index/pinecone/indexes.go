package pinecone

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// index is an index with its data plane.
type index struct {
	dimensions int
	http       *rest.Client
}

// indexModel is what the control plane tells of an index.
type indexModel struct {
	Name      string `json:"name"`
	Host      string `json:"host"` // without a scheme
	Dimension int    `json:"dimension"`
	Metric    string `json:"metric"`
	Status    struct {
		Ready bool `json:"ready"`
	} `json:"status"`
}

// indexes returns the index that is configured, or those that the control plane has of this program.
func (d *Database) indexes(ctx context.Context) ([]*index, error) {
	if d.cfg.Host != "" {
		ix, err := d.configured(ctx)
		return []*index{ix}, err
	}
	var list struct {
		Indexes []indexModel `json:"indexes"`
	}
	if _, err := d.control.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/indexes"}, &list); err != nil {
		return nil, err
	}
	var out []*index
	for _, m := range list.Indexes {
		if m.Name != d.indexName(m.Dimension) || !m.Status.Ready {
			continue
		}
		ix, err := d.index(m)
		if err != nil {
			return nil, err
		}
		out = append(out, ix)
	}
	return out, nil
}

func (d *Database) indexName(dimensions int) string {
	return d.cfg.Index + "-" + strconv.Itoa(dimensions)
}

// configured returns the index of Config.Host, whose dimensions are asked for once.
func (d *Database) configured(ctx context.Context) (*index, error) {
	client, err := d.client(d.cfg.Host)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	known := d.hosted
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var stats struct {
		Dimension int    `json:"dimension"`
		Metric    string `json:"metric"`
	}
	if _, err := client.Do(ctx, rest.Request{Method: http.MethodPost, Path: "/describe_index_stats", Body: struct{}{}}, &stats); err != nil {
		return nil, err
	}
	if stats.Dimension == 0 || stats.Metric != "" && stats.Metric != "cosine" {
		return nil, rag.Errorf(rag.KindInvalid, "pinecone: the index must have dense vectors and the metric cosine")
	}
	ix := &index{stats.Dimension, client}
	d.mu.Lock()
	d.hosted = ix
	d.mu.Unlock()
	return ix, nil
}

// index returns the data plane of an index of the control plane.
func (d *Database) index(m indexModel) (*index, error) {
	if m.Metric != "cosine" {
		return nil, rag.Errorf(rag.KindConflict, "pinecone: the index %s was made by others: its metric is not cosine", m.Name)
	}
	host := m.Host
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	client, err := d.client(host)
	return &index{m.Dimension, client}, err
}

// create makes the index for a number of dimensions, which others may do at the same time, and waits until it is ready.
func (d *Database) create(ctx context.Context, dimensions int) (*index, error) {
	name := d.indexName(dimensions)
	_, err := d.control.Do(ctx, rest.Request{Method: http.MethodPost, Path: "/indexes", Body: map[string]any{
		"name": name, "dimension": dimensions, "metric": "cosine", "vector_type": "dense",
		"spec": map[string]any{"serverless": map[string]any{"cloud": d.cfg.Cloud, "region": d.cfg.Region}},
	}}, nil)
	if err != nil && !errors.Is(err, rag.ErrConflict) {
		return nil, err
	}
	var m indexModel
	ready := func() (bool, error) {
		_, err := d.control.Do(ctx, rest.Request{Method: http.MethodGet, Path: "/indexes/" + url.PathEscape(name)}, &m)
		return m.Status.Ready, err
	}
	switch ok, err := poll(ctx, d.cfg.CreateTimeout, ready); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, rag.Errorf(rag.KindUnavailable, "pinecone: the index %s is not ready after %s", name, d.cfg.CreateTimeout)
	}
	return d.index(m)
}

// poll asks, less and less often, until the answer is yes, for a time. It returns the last answer.
func poll(ctx context.Context, most time.Duration, ask func() (bool, error)) (bool, error) {
	end := time.NewTimer(most)
	defer end.Stop()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		if ok, err := ask(); ok || err != nil {
			return ok, err
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return false, ctx.Err()
		case <-end.C:
			wait.Stop()
			return false, nil
		case <-wait.C:
		}
	}
}
