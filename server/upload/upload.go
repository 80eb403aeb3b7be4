// Package upload reads multipart forms with files from callers that may be
// hostile: every limit is enforced while reading, small files stay in memory,
// larger ones go to temporary files that Close removes.
//
// Files are set aside rather than passed on as they come because a form may name
// the fields that belong to a file after the file.
package upload

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits bound a form. Zero fields take the defaults.
type Limits struct {
	File   int64  // bytes of one file; 0 is 100 MiB
	Files  int    // files in a form; 0 is 1,000
	Fields int64  // bytes of all fields together; 0 is 1 MiB
	Memory int64  // bytes of a file that are held in memory; 0 is 256 KiB
	Dir    string // for temporary files; "" is the system's
}

// WithDefaults fills in the zero fields.
func (l Limits) WithDefaults() Limits {
	if l.File <= 0 {
		l.File = 100 << 20
	}
	if l.Files <= 0 {
		l.Files = 1000
	}
	if l.Fields <= 0 {
		l.Fields = 1 << 20
	}
	if l.Memory <= 0 {
		l.Memory = 256 << 10
	}
	return l
}

// File is one file of a form. Err is set, and the content gone, when it was
// larger than the limit; the other files of the form are not affected.
type File struct {
	Field string // name of the form field
	Name  string // base name that the client gave, a hint only
	Size  int64
	Err   error

	memory []byte
	path   string
}

// Open returns the content from its beginning.
func (f *File) Open() (io.ReadCloser, error) {
	if f.Err != nil {
		return nil, f.Err
	}
	if f.path == "" {
		return io.NopCloser(bytes.NewReader(f.memory)), nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "open an uploaded file again")
	}
	return file, nil
}

// Form is a form that has been read.
type Form struct {
	Fields map[string][]string
	Files  []*File
}

// Get returns the first value of a field, "" if it is absent.
func (f *Form) Get(name string) string {
	if v := f.Fields[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Close removes the temporary files.
func (f *Form) Close() error {
	var errs []error
	for _, file := range f.Files {
		if file.path != "" {
			errs = append(errs, os.Remove(file.path))
		}
	}
	return errors.Join(errs...)
}

// Read reads the multipart form of r. The error is KindInvalid for a damaged
// form and KindExhausted for one over the limits; then nothing is left behind.
func Read(r *http.Request, lim Limits) (*Form, error) {
	lim = lim.WithDefaults()
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "the form cannot be read: %w", err)
	}
	form := &Form{Fields: map[string][]string{}}
	if err := form.read(parts, lim); err != nil {
		return nil, errors.Join(err, form.Close())
	}
	return form, nil
}

func (f *Form) read(parts *multipart.Reader, lim Limits) error {
	fields := lim.Fields
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return readError(err)
		}
		if part.FileName() == "" {
			if err := f.readField(part, &fields); err != nil {
				return err
			}
			continue
		}
		if len(f.Files) == lim.Files {
			return rag.Errorf(rag.KindExhausted, "the form has more than %d files", lim.Files)
		}
		if err := f.readFile(part, lim); err != nil {
			return err
		}
	}
}

func (f *Form) readField(part *multipart.Part, left *int64) error {
	value, err := io.ReadAll(io.LimitReader(part, *left+1))
	if err != nil {
		return readError(err)
	}
	// A field costs its name too, and something for being there at all.
	if *left -= int64(len(value)+len(part.FormName())) + 16; *left < 0 {
		return rag.Errorf(rag.KindExhausted, "the form's fields are larger than the limit")
	}
	f.Fields[part.FormName()] = append(f.Fields[part.FormName()], string(value))
	return nil
}

func (f *Form) readFile(part *multipart.Part, lim Limits) error {
	file := &File{Field: part.FormName(), Name: part.FileName()}
	f.Files = append(f.Files, file)
	var head bytes.Buffer
	n, err := io.CopyN(&head, part, min(lim.Memory, lim.File)+1)
	file.Size = n
	switch {
	case err == io.EOF:
		file.memory = head.Bytes()
		return nil
	case err != nil:
		return readError(err)
	}
	if n <= lim.File {
		if err := file.spill(&head, part, lim); err != nil {
			return err
		}
	}
	if file.Size > lim.File {
		file.Err = rag.Errorf(rag.KindExhausted, "%s is larger than the limit of %d bytes", file.Name, lim.File)
		_, err := io.Copy(io.Discard, part) // the request's own limit ends this
		return readError(err)
	}
	return nil
}

// spill writes what has been read and what follows, up to one byte more than the
// limit, to a temporary file.
func (f *File) spill(head io.Reader, rest io.Reader, lim Limits) (err error) {
	tmp, err := os.CreateTemp(lim.Dir, "smartretriever-upload-*")
	if err != nil {
		return rag.Wrap(rag.KindInternal, err, "make a temporary file for an upload")
	}
	f.path = tmp.Name()
	w := &writeErrors{w: tmp}
	f.Size, err = io.Copy(w, io.MultiReader(head, io.LimitReader(rest, lim.File+1-f.Size)))
	if cerr := tmp.Close(); w.err == nil {
		w.err = cerr
	}
	if w.err != nil {
		return rag.Wrap(rag.KindInternal, w.err, "write a temporary file for an upload")
	}
	return readError(err)
}

// writeErrors remembers that it was the writing that failed, which is our fault
// and not the caller's.
type writeErrors struct {
	w   io.Writer
	err error
}

func (w *writeErrors) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// readError gives a failed read its kind. nil stays nil.
func readError(err error) error {
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return rag.Errorf(rag.KindExhausted, "the request is larger than the limit of %d bytes: %w", large.Limit, err)
	}
	return rag.Errorf(rag.KindInvalid, "the form ends too early or is damaged: %w", err)
}
