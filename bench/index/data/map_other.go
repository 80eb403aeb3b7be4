//go:build !unix

package data

import "os"

func mapFile(path string) ([]byte, error) { return os.ReadFile(path) }
