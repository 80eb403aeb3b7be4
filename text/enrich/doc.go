// Package enrich finds out about a document what can be filtered by later: how long
// and how hard to read it is, which dates, amounts, people and subjects it names,
// whether it holds personal data, and what it says in short.
//
// Each of these is a Stage that can be turned on alone and says what class of cost
// it has. A Set runs the chosen stages over a Document, always in the same order, and
// gathers what they found as rag.Metadata. A stage that fails costs its own keys and
// leaves a warning; it never costs the document.
//
// Stages of class Rules look at the text alone: hand-written scanners and word lists,
// in time that grows with the length of the text and with nothing else. Stages of
// class Embedding compare the text with what the user wrote, by the collection's own
// embedding model. Stages of class Chat ask a language model, within a bound of calls
// and tokens a document, and keep what it wrote (Keeper), so that the same text is not
// paid for twice.
//
// What is about one passage and not about the document (a sentence that situates it,
// questions that it answers) is a ChunkStage: it writes text that is embedded and
// indexed together with the passage and belongs to no span of the document.
//
// The keys that stages write, what each costs and how good it is: docs/enrichment.md.
package enrich
