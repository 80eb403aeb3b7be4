//go:build unix

package walk

import (
	"io/fs"
	"syscall"
)

// identity tells folders apart however they are reached.
type identity struct{ device, inode uint64 }

func identify(_ string, info fs.FileInfo) (identity, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{uint64(st.Dev), uint64(st.Ino)}, true //nolint:unconvert // their types differ between systems
}

// inode is the number of a file in its file system.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino) //nolint:unconvert // as above
	}
	return 0
}
