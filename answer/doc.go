// Package answer finds passages and answers questions from them.
//
//	search: check -> cache -> embed -> index (vectors and keywords at once) -> fuse -> group -> read back -> rerank
//	ask:    check -> cache -> search -> assemble -> generate -> cite -> record
//
// Pipeline.Search and Pipeline.Ask are these two lines as functions; every stage
// is a function of its own that takes a value and returns one. The package
// declares the few interfaces it calls in ports.go.
//
// Citations are not left to the generator. It marks a statement with the number
// of a source; the pipeline looks up which words of that source the statement
// rests on, reads these words again from the store, compares them, and only then
// lets the marker out. A marker without such words is dropped and counted.
//
// Sub-packages: fuse (rank fusion), extractive (answers made of quoted sentences,
// without a language model), llm (answers written by a chat model).
package answer
