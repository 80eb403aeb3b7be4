// Package openai speaks the part of OpenAI's HTTP interface that is about files,
// vector stores, embeddings and chat, so that programs written for it work here
// by changing an address. It is checked with the stock Python client.
//
// What is what:
//
//   - A vector store is a collection. Its id is "vs_" and the collection's name;
//     stores that are made here get a name from a slug and random digits, as
//     OpenAI's display names are neither unique nor fit for a path. The display
//     name is kept in the collection's metadata.
//   - A file that is uploaded is a document of the collection FilesCollection,
//     which is no vector store and cannot be asked. Attaching it reads the original
//     bytes and adds them to the target; embeddings are not computed again, as the
//     store keeps them by content. The external id of both is the file's id.
//   - A document that came in another way is a file too. Its id is "file-" and the
//     document's id.
//   - A file batch is nothing that is stored by itself: its members carry its id
//     in their metadata, and the id itself says how many there were.
//
// All state is thus in the store and survives a restart. Metadata keys that begin
// with "openai_" are reserved for it and not shown.
//
// Adding is done when the call returns, so that the status of a file in a store
// is "completed" at once and polling ends with its first look.
package openai
