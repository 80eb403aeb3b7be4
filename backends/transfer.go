package backends

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
	"github.com/smartretriever/smartretriever/store/postgres"
	"github.com/smartretriever/smartretriever/store/sqlite"
	"github.com/smartretriever/smartretriever/store/transfer"
)

// Deployment is where a configuration keeps what cannot be made again: the store and the
// original files. Everything else follows from them.
type Deployment struct {
	Store interface {
		transfer.Store
		LiveBlobs(ctx context.Context, fn func(sha string) error) error
		Close() error
	}
	Originals transfer.Originals

	Place          string // where the store is, for people; the same for the same store
	PlaceOriginals string // where the files are
}

// OpenDeployment opens what cfg names, to be copied from, or, if target is set, into. A
// source that is not there is KindNotFound; a target is made. The caller closes it.
func OpenDeployment(ctx context.Context, cfg config.Config, deps Deps, target bool) (_ *Deployment, err error) {
	d := &Deployment{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	file, folder := root.Places(cfg.Data)
	switch cfg.Store.Name {
	case "sqlite":
		if _, err := os.Stat(file); err != nil && !target {
			return d, rag.Errorf(rag.KindNotFound, "there is no store in %s", cfg.Data)
		}
		s, err := sqlite.Open(ctx, sqlite.Config{Path: file, KeepVersions: cfg.Versions.Keep, Logger: deps.Logger, Clock: deps.Clock, Receiving: target})
		if err != nil {
			return d, err
		}
		if real, err := filepath.EvalSymlinks(file); err == nil {
			file = real
		}
		d.Store, d.Place = s, "SQLite in "+file
	case "postgres":
		pg, err := postgresConfig(cfg, deps)
		if err != nil {
			return d, err
		}
		pg.Receiving = target
		s, err := postgres.Open(ctx, pg)
		if err != nil {
			return d, err
		}
		d.Store, d.Place = s, s.Place()
	default:
		return d, unknown("store.name", cfg.Store.Name)
	}
	return d, d.openOriginals(cfg, deps, folder)
}

func (d *Deployment) openOriginals(cfg config.Config, deps Deps, folder string) error {
	var c root.Config
	if err := openBlobs(cfg, deps, &c); err != nil {
		return err
	}
	if c.Blobs != nil {
		d.Originals = c.Blobs
		d.PlaceOriginals = fmt.Sprintf("bucket %s at %q, prefix %q", cfg.Blobs.Bucket, cfg.Blobs.Endpoint, cfg.Blobs.Prefix)
		return nil
	}
	folder = cmp.Or(c.BlobsDir, folder)
	s, err := blob.Open(folder)
	if err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	d.Originals, d.PlaceOriginals = s, "folder "+folder
	return nil
}

// Close closes what was opened.
func (d *Deployment) Close() error {
	var errs []error
	if d.Store != nil {
		errs = append(errs, d.Store.Close())
	}
	if c, ok := d.Originals.(io.Closer); ok {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
