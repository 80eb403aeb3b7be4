// Package weaviate keeps the vectors of a collection in Weaviate 1.30 or newer, or in Weaviate Cloud.
//
// A space is a class of Weaviate with three properties: tags (text, kept as they are), the id of the document, and, where there are texts, the text, which
// Weaviate ranks by BM25. Objects have the chunk's id as their UUID, in an order that is that of the ids.
//
// Classes are made, described and dropped over REST; items are written, searched and counted over gRPC, as Weaviate's own clients do. The messages
// of gRPC are written by hand (index/external/rpc); Weaviate's Go client adds 5.2 MB to the program and sends vectors as text (docs/dependencies.md).
//
//	config.go    where the server is and how vectors are indexed
//	weaviate.go  spaces: classes
//	table.go     items: changes, searches, lists
//	where.go     conditions as Weaviate's filters
//	message.go   the messages of gRPC
//	uuid.go      chunk ids as UUIDs
//
// # What to know
//
// Weaviate makes a class by itself when an object of an unknown one comes (AUTOSCHEMA_ENABLED, on by default). So every change asks first whether the class
// is there. One that is dropped between the question and the change comes back, without the settings of a space, and is in the way of the
// next one of its name; where that must not be, set AUTOSCHEMA_ENABLED to false.
//
// With asynchronous indexing (ASYNC_INDEXING) the server acknowledges vectors before they can be found. So an upsert waits until the queues of the class
// are empty; where the key must not read them (the right read_nodes), it does not, and the vectors are found later.
//
// Weaviate mixes up an object that is written by several at the same time: the vector may be that of one, the tags that of another, or the vector is missing
// from the graph until it is written again. So the changes of a class wait for each other within a process (the server spreads each of them over its
// cores); several processes should not write the same items at a time.
//
// Replicas all have a change before it is acknowledged (consistency level ALL), since searches ask one of them.
//
// A search gives 10,000 results at most unless the server is set otherwise (QUERY_MAXIMUM_RESULTS), which must not be less.
package weaviate
