//go:build !unix

package walk

import (
	"io/fs"
	"path/filepath"
)

// identity tells folders apart however they are reached. Where there are no
// inodes it is the path with all links resolved.
type identity string

func identify(path string, _ fs.FileInfo) (identity, bool) {
	real, err := filepath.EvalSymlinks(path)
	return identity(real), err == nil
}

func inode(fs.FileInfo) uint64 { return 0 }
