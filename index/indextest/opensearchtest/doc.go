// Package opensearchtest has doubles of OpenSearch and Elasticsearch, for tests.
//
// Server answers, from memory, the requests that adapters make of either product. It evaluates filters, vectors and words (BM25) for real, keeps what was written invisible until a
// refresh, and refuses what the products refuse: indexes that are there, are not there, or are asked for with the other product's mapping, fields that are not mapped,
// vectors of other dimensions, windows that are too large, calls without the password. A write to a name that is not there makes an index of it, as in the
// products. What it holds stays over Stop and Start. Inject makes calls fail. Its words, filters, bulk requests, pages and refusals were compared with those of the real OpenSearch
// 2.19.3 (index/opensearch, build tag servers); its k-NN, and what it does as Elasticsearch, follow the documentation.
//
// Plugin stands before a real OpenSearch that lacks the k-NN plugin, and in for it: it keeps vectors in documents and compares them itself, and all else, filters
// included, is done by the server.
//
//	server.go   the server, its password and its faults
//	index.go    indexes and their mappings
//	change.go   bulk requests and deletion by query
//	search.go   searches
//	query.go    queries
//	words.go    BM25
//	plugin.go   Plugin
package opensearchtest
