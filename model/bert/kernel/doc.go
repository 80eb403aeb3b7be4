// Package kernel holds the arithmetic of a text encoder: the product of
// quantised activations with quantised weights, and in 32-bit floats the same
// product with plain weights, the products of attention, softmax, the Gaussian
// error linear unit, layer normalisation and the quantisation of activations
// itself.
//
// A Set is one implementation of all of them. Generic is plain Go and the
// reference; in assembly there are sets for AVX-512 with and without VNNI,
// AVX-VNNI and AVX2 on amd64, and for NEON with and without dot products on arm64.
// Best returns the fastest that the processor can run. All sets agree: exactly
// where the result is an integer, and to rounding where it is a float.
// Within one set the value of an element depends on its own row alone, never on
// how many rows are computed together, so that a text's vector does not depend
// on what it was batched with.
//
// Every method checks the lengths of its arguments and panics where they do not
// fit, since assembly would read past them; that is a broken invariant of the
// caller and never caused by input. Sets are stateless and goroutine-safe.
//
// The weights' layout and the choice of tiles are explained in DESIGN.md.
package kernel
