// Package unigram is the tokenizer of XLM-R and of the models made from it: text is
// normalised by rules, its spaces become the mark ▁, and each word is cut into the
// pieces of a vocabulary whose scores add up to the most (the Viterbi path of a
// unigram language model, Kudo 2018).
//
//	text -sections-> between special tokens -rules-> normal form -words-> ▁word -pieces-> ids
//
// There are two readings of the rules. Hugging Face's tokenizers apply them to
// clusters of characters and take the shortest that fits; SentencePiece takes the
// longest at each place. A model says in which way its tokenizer file was written
// (Config.Clusters), and a script under bench/embed compares both with the
// libraries, token by token, over all real texts at hand.
//
// A Tokenizer does not change after New and is goroutine-safe. Invalid UTF-8 reads
// as U+FFFD, byte by byte.
package unigram
