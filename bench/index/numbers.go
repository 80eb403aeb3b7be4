package main

import (
	"encoding/binary"
	"math"
	"os"
	"slices"
)

// readNumbers reads a file of 32-bit numbers.
func readNumbers(path string) ([]uint32, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := make([]uint32, len(raw)/4)
	for i := range all {
		all[i] = binary.LittleEndian.Uint32(raw[i*4:])
	}
	return all, nil
}

// readScores reads a file of 32-bit floats.
func readScores(path string) ([]float32, error) {
	bits, err := readNumbers(path)
	all := make([]float32, len(bits))
	for i, b := range bits {
		all[i] = math.Float32frombits(b)
	}
	return all, err
}

// writeNumbers makes a file of 32-bit numbers.
func writeNumbers(path string, all []uint32) error {
	raw := make([]byte, 0, len(all)*4)
	for _, n := range all {
		raw = binary.LittleEndian.AppendUint32(raw, n)
	}
	return os.WriteFile(path, raw, 0o644)
}

// percentile returns the value that a share of all is not above. all is left sorted.
func percentile(all []float64, share float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	return all[min(int(share*float64(len(all))), len(all)-1)]
}
