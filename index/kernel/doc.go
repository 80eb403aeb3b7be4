// Package kernel computes dot products of float32 vectors as fast as the
// processor allows, behind ordinary functions.
//
// On amd64 an AVX-512 or an AVX2 version in assembly is chosen once at start by
// what the processor can do; everywhere else, and as the reference for the
// tests, there is a plain Go loop. The versions add in different orders, so
// their results differ in the last bits of a float32 (relative error about
// 1e-6 of the sum of absolute products); within one process every function
// gives the same bits for the same vectors, whatever their alignment.
package kernel
