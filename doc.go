// Package smartretriever answers questions from documents, with citations that
// can be checked. It is the easy door to the whole system:
//
//	r, err := smartretriever.Open(ctx, smartretriever.Config{Dir: "data"})
//	...
//	defer r.Close()
//	_, err = r.AddDocument(ctx, rag.Scope{}, rag.Input{Title: "Notes", Text: "..."})
//	answer, err := r.Query(ctx, rag.Scope{}, rag.Question{Text: "..."})
//
// Open wires the embedded defaults - a SQLite store, a folder of originals, the
// index in memory, the encoder and its weights in the binary, answers made of
// quoted sentences - and takes any other part as a field of Config. Nothing here
// reads flags or the environment, starts a server, or uses a network.
//
// How the parts meet: AddDocument runs the pipeline of package ingest, which ends
// in one transaction of the store. The store numbers every change; the follower
// (index/follow) brings the collection's index up to that number. Search and Query
// run the pipelines of package answer on that index and read what they found back
// from the store. A janitor removes what deletions and replacements leave behind.
package smartretriever
