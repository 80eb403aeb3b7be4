//go:build linux || darwin || freebsd

package cli

import "golang.org/x/sys/unix"

// freeSpace returns the bytes that the user may still write below a folder.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // their types differ between systems
}
