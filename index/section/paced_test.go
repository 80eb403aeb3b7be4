package section_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/section/faultfs"
)

func TestPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		fsys := section.NewPaced(ctx, faultfs.New(), 1<<20)
		if err := fsys.MakeDir("d"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		files := make(chan error)
		for _, name := range []string{"d/a", "d/b"} { // the rate is that of both together
			go func() {
				_, err := section.WriteFile(fsys, name, func(w *section.Writer) error {
					_, err := w.Begin("s").Write(make([]byte, 5<<20))
					return err
				})
				files <- err
			}()
		}
		for range 2 {
			if err := <-files; err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("10 MiB at 1 MiB a second took %s", took)
		}
		f, err := section.Open(fsys, "d/a")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Verify(ctx), f.Close()); err != nil {
			t.Error(err)
		}
		hurried := make(chan func(), 1)
		time.AfterFunc(time.Second, func() { hurried <- fsys.Hurry() })
		began = time.Now()
		if _, err := section.WriteFile(fsys, "d/b", func(w *section.Writer) error {
			_, err := w.Begin("s").Write(make([]byte, 20<<20))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("in a hurry: %s", took)
		}
		(<-hurried)() // done
		time.AfterFunc(time.Second, cancel)
		began = time.Now()
		_, err = section.WriteFile(fsys, "d/c", func(w *section.Writer) error {
			_, err := w.Begin("s").Write(make([]byte, 20<<20))
			return err
		})
		if took := time.Since(began); !errors.Is(err, context.Canceled) || took > 2*time.Second {
			t.Errorf("ended after %s: %v", took, err)
		}
	})
}
