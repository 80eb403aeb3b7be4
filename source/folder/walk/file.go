package walk

import (
	"io"
	"os"
)

// File is a file that is opened when it is first read and closed when it has been
// read to its end, so that many can wait without holding descriptors. It is for
// one goroutine at a time.
type File struct {
	path string
	file *os.File
	done bool
}

// Open returns the file at path. Errors come from Read.
func Open(path string) *File { return &File{path: path} }

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	if f.done {
		return 0, io.EOF
	}
	if f.file == nil {
		file, err := os.Open(f.path)
		if err != nil {
			f.done = true
			return 0, fileError(err)
		}
		f.file = file
	}
	n, err := f.file.Read(p)
	if err != nil {
		closeErr := f.Close()
		if err == io.EOF && closeErr != nil {
			return n, fileError(closeErr)
		}
		if err != io.EOF {
			err = fileError(err)
		}
	}
	return n, err
}

// Close closes the file if it is open. It may be called again.
func (f *File) Close() error {
	f.done = true
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}
