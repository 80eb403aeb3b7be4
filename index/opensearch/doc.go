// Package opensearch keeps vectors, and texts for search by words, in OpenSearch or Elasticsearch, over their HTTP APIs, which differ in vectors and little
// else. It is an adapter for index/external.
//
// A space is an index, and an alias of it through which all is read and written: a write through an alias that is gone fails, where one to an index would
// make it anew. A document's _id is the id of the chunk; beside it there is the id as a number, to page by, the document's id, the tags as
// keywords, the vector and the text. Every change is made visible before it is acknowledged. Where a search answers for a part of its shards only, or a bulk request takes
// some of its items only, it is an error. (An index of OpenSearch that replicates segments instead of documents, index.replication.type, makes changes visible on
// its replicas later: there, what is promised of acknowledged changes holds without replicas only.)
//
// Scores of vectors are told as cosines. OpenSearch is asked for inner products, of vectors of unit length, since its scores of these are alike in all
// engines and versions: 1 + ip for ip of 0 and more, 1 / (1 - ip) below. Elasticsearch's of cosines are (1 + cos) / 2. Those of words are BM25's as
// they come.
//
// For OpenSearch from 2.13 on, with the k-NN plugin, and Elasticsearch from 8.4 on. Run against the real OpenSearch 2.19.3 in all but its k-NN plugin, which no
// package registry has, and for which the test's own stands in; Elasticsearch was not run.
//
//	config.go      where and how
//	opensearch.go  indexes
//	mapping.go     what they hold
//	fault.go       errors
//	change.go      bulk requests and deletion by query
//	search.go      searching, listing and counting
package opensearch
