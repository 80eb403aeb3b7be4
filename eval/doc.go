// Package eval measures retrieval: how well the documents that a search returns
// agree with what people judged relevant.
//
// A Dataset is queries with judgements (BEIR layout, read by package loader). Run
// puts each judged query to a search function and scores the ranking it returns;
// Score does the same for a Ranking that was made elsewhere. Both give a Report:
// means with bootstrap confidence intervals, values of each query, latency, as JSON
// or as a table. Compare says whether one report is better than another on the same
// queries, or only luckier.
//
// The measures are those of trec_eval 9, to the last digit that it prints, and so
// are the rules around them: a ranking is ordered by descending score (held as a
// 32-bit float), ties by descending document id; unjudged documents are not
// relevant; a judged query for which nothing was returned counts as zero, a query
// without judgements is left out. testdata holds values of pytrec_eval that the
// tests compare with.
package eval
