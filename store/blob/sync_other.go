//go:build !unix

package blob

// syncDir does nothing: folders cannot be opened for syncing here, and the file
// system keeps names durable by itself.
func syncDir(string) error { return nil }

func diskFull(error) bool { return false }
