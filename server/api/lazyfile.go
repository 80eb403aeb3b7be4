package api

import (
	"io"

	"github.com/smartretriever/smartretriever/server/upload"
)

// lazyFile opens an uploaded file with the first Read: a form may hold a thousand
// of them, and only as many should be open as are worked on.
type lazyFile struct {
	file    *upload.File
	content io.ReadCloser
}

func (l *lazyFile) Read(p []byte) (int, error) {
	if l.content == nil {
		c, err := l.file.Open()
		if err != nil {
			return 0, err
		}
		l.content = c
	}
	return l.content.Read(p)
}

// Close may be called at any time and more than once.
func (l *lazyFile) Close() error {
	if l.content == nil {
		return nil
	}
	c := l.content
	l.content = io.NopCloser(eof{})
	return c.Close()
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
