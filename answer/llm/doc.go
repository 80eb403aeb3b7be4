// Package llm writes answers with a chat model, from numbered sources and nothing
// else. It is an answer.Generator.
//
//	prompt -> Model.Chat -> head (drop thoughts, hold back a refusal) -> markers (one form) -> emit
//
// The prompt (system.txt, prompt.go) tells the model to use the sources only, to
// mark every statement with the number of its source, and to say exactly
// rag.Refusal when the sources do not hold the answer. What stands in a source is
// data: each is fenced, and whatever in it could pass for a fence, for a control
// token of a chat template or for a marker is defused before it goes in
// (neutral.go). That makes injected instructions less likely to be followed, not
// impossible; what limits the damage is that the model has no tools, and that the
// pipeline lets no citation pass whose words are not in the store.
//
// Text is filtered while it streams, so that the reader sees no thoughts, no
// refusal that is taken back, and markers in one form. Whether a marker's source
// exists and says what it should is the pipeline's concern.
package llm
