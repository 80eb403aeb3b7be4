// Package onnx embeds texts with ONNX Runtime, for models that the program's own
// encoder does not cover and for GPUs. It is there in programs built with the tag
// onnx and cgo, and needs the runtime's shared library on the machine:
//
//	CGO_ENABLED=1 go build -tags onnx ./cmd/smartretriever
//
// Tokens, pooling and prefixes are read as for a model of one's own (package
// model/bert/convert); the graph may be of any architecture that takes tokens
// (input_ids, attention_mask, token_type_ids, position_ids) and gives a vector a
// text or a token in 32-bit floats.
//
//	Embed: prefix -> tokens -> longest first -> batches, padded to their longest -> graph -> pooling -> unit length
package onnx
