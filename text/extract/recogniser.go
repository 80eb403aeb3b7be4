package extract

import (
	"context"
	"errors"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// Recogniser reads a format that a program has beside those known here, or reads a
// known one in another way. Implementations are goroutine-safe. They run in this
// process, as many at once as Config.Workers, and are to end when ctx does; a panic
// costs the file.
type Recogniser interface {
	// Recognise reports whether the file is of this format. It should look at no more
	// than the first bytes, since every file is shown to it.
	Recognise(name string, content []byte) bool
	// Read returns the text. Whoever assembles it with package text/clean's Builder
	// keeps the promises of rag.Text: what does not keep them is refused when the
	// document is stored. Its errors are the file's fault; see Extractor.Extract for
	// their kinds.
	Read(ctx context.Context, file rag.File) (rag.Text, error)
}

// recognised has a recogniser read the file if it is its; ok is false otherwise.
func (e *Extractor) recognised(ctx context.Context, r Recogniser, file rag.File) (text rag.Text, ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			text, ok, err = rag.Text{}, true, rag.Errorf(rag.KindInvalid, "the file is damaged: its reader failed: %s", clean.Line(panicText(p)))
		}
	}()
	if !r.Recognise(file.Name, file.Content) {
		return rag.Text{}, false, nil
	}
	err = e.locally(ctx, "", func(ctx context.Context) (err error) {
		text, err = r.Read(ctx, file)
		return err
	})
	var known *rag.Error
	if err != nil && !errors.As(err, &known) && ctx.Err() == nil {
		err = rag.Wrap(rag.KindInvalid, err, "read the file")
	}
	return text, true, err
}

func panicText(p any) string {
	if err, ok := p.(error); ok {
		return err.Error()
	}
	if s, ok := p.(string); ok {
		return s
	}
	return "panic"
}
