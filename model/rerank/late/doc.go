// Package late reranks by late interaction with an embedding model: every word of
// the question looks for the word of the passage that is most like it, and the
// passage's score is the mean of these likenesses, weighted by how rare the
// question's words are in the collection (MaxSim; Khattab and Zaharia, "ColBERT",
// SIGIR 2020, with the weights of Formal et al., 2021).
//
//	passage:  encoder -> the tokens' vectors, unit length -> 8 bits each -> kept by the text's hash
//	question: encoder -> the tokens' vectors -> packed as the weights of a linear layer
//	score:    passage's vectors x question's: all products at once -> largest a question's token -> weighted mean
//
// No model is needed beside the one for embedding, and a passage's vectors, once
// computed, serve every question: 390 bytes a token, bounded and kept in memory.
package late
