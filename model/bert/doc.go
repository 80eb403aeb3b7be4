// Package bert runs text encoders of the BERT family, the one that is built in and
// those that a user brings (package convert), on the processor alone: no C, no
// other process, no network.
//
//	weights --Open--> Model --NewEncoder--> Encoder --Encode--> unit vectors
//
// Model is a weight file (package weightfile) with its tokenizer (package tokenizer,
// of the kinds wordpiece and unigram); tensors of 8-bit integers are used where they
// lie in the program's memory. Encoder turns texts into vectors: it packs passages
// without padding, shares them out among a bounded number of workers, and does its
// arithmetic in package kernel. The built-in weights are in package weights, so that who brings their
// own model does not carry them.
//
// DESIGN.md tells why it is built like this and what was measured.
package bert
