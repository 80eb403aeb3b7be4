package fetch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/charset"
)

// encodings are those of answers that are understood, best first.
const encodings = "zstd, br, gzip"

// maxWindow bounds the memory of a zstd stream, as RFC 9659 has it for the web.
const maxWindow = 8 << 20

// errTooLarge is what reading over a limit ends with.
var errTooLarge = errors.New("larger than allowed")

// readBody reads an answer to its end, decompressed. The limit holds for what
// comes in and for what it unfolds to, and while it unfolds. With cut, an answer that is
// larger ends there.
func readBody(resp *http.Response, body io.Reader, limit int64, cut bool) ([]byte, error) {
	in := &capped{r: body, left: limit + 64<<10} // stored blocks are a little larger than what they hold
	out, err := decoder(resp.Header, in)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	data, err := readAll(out, limit)
	if errors.Is(err, errTooLarge) {
		if cut {
			return data[:min(int64(len(data)), limit)], nil
		}
		return nil, rag.Errorf(rag.KindExhausted, "the answer is larger than %s (max_bytes)", size(limit))
	}
	return data, err
}

func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// readAll reads at most limit bytes, and errTooLarge if there are more.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	if err == nil && n > limit {
		err = errTooLarge
	}
	return b.Bytes(), err
}

// Page returns the body of an HTML page such that its encoding can be told from its
// bytes. An encoding that only the header of the answer names would be lost
// otherwise: the page is turned into UTF-8 with a byte order mark, which outweighs
// what it says of itself.
func (r *Response) Page() []byte {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	name := params["charset"]
	if err != nil || name == "" || strings.EqualFold(name, "utf-8") {
		return r.Body
	}
	text, used := charset.Decode(r.Body, name)
	if used == "utf-8" {
		return r.Body
	}
	return append([]byte("\ufeff"), text...)
}

// Gunzip unpacks a file that is compressed by gzip, up to limit bytes; more is
// KindExhausted, damage KindInvalid. Other files are returned as they are, but for
// the limit.
func Gunzip(data []byte, limit int64) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		if int64(len(data)) > limit {
			return nil, rag.Errorf(rag.KindExhausted, "the file is larger than %s", size(limit))
		}
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "the compressed file is damaged")
	}
	data, err = readAll(z, limit)
	if errors.Is(err, errTooLarge) {
		return nil, rag.Errorf(rag.KindExhausted, "the file unfolds to more than %s", size(limit))
	}
	return data, rag.Wrap(rag.KindInvalid, err, "the compressed file is damaged")
}

// decoder undoes Content-Encoding. One encoding at the most: nobody has a use for
// more but those who hide the size of what they send.
func decoder(h http.Header, r io.Reader) (io.ReadCloser, error) {
	name := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ",")))
	switch name {
	case "", "identity", "none":
		return io.NopCloser(r), nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		return z, nil
	case "br":
		return io.NopCloser(brotli.NewReader(r)), nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, rag.Errorf(rag.KindInvalid, "the answer is encoded as %.40q, which was not asked for", name)
}

// capped ends with errTooLarge instead of reading more than left bytes.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLarge
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
