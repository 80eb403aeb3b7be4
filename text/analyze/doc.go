// Package analyze turns text into the terms that keyword search counts.
//
// Text is brought to Unicode normal form NFKC, cut into words by Unicode's rules
// (UAX #29), and every word is case-folded, freed of a possessive 's, dropped if
// it is a stop word, stemmed, and freed of accents. Chunks and queries go through
// the same analyzer, and two texts match where their terms are equal.
//
// # Which language
//
// An analyzer belongs to a collection, not to a document: For("auto") treats each
// word by the script it is written in, and by nothing else.
//
//	Latin                                     English stop words and stemmer, accents folded
//	Cyrillic                                  Russian stemmer, ё as е
//	Arabic                                    Arabic stemmer (vowel signs and tatweel dropped)
//	Tamil                                     Tamil stemmer
//	Han, kana, Hangul, Thai, Lao, Khmer, ...  overlapping pairs of characters
//	others                                    folded, not stemmed
//
// The reason is that a query is too short to tell its language, and that BM25
// compares counts over the whole collection: a chunk that was stemmed by one rule
// and a query that was stemmed by another miss each other without a trace. A rule
// that looks at the word alone cannot disagree with itself. Its price is that
// German, French or Spanish words are stemmed as if they were English, which is
// harmless but finds fewer inflected forms; a collection in one language does
// better with that language's analyzer, For("de"). For such an analyzer only the
// words in the language's own script are treated differently.
//
// Scripts that put no spaces between words are cut into pairs of neighbouring
// characters: 東京都 gives 東京 and 京都. A character that stands alone is a term.
package analyze
