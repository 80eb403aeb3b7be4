// Package meter counts what calls of models take, charges them to who asked, and
// keeps them within budgets. Around a call stand
//
//	Begin   who asks (rag.AccountOf) and which budgets concern it; sets the most
//	        that the call may take aside, or refuses it
//	        ... the call ...
//	End     what it took, reported or counted; the ledger, the metrics, the Bill
//
// The wrappers that do so are model/llm/metered, model/embed/metered and
// model/rerank/metered: each is again a model.
//
// # What is written when
//
// A call that is paid for is in the ledger before its caller has the result, in
// two transactions: one that sets its most aside before it is made, and one that
// puts what it took in the place of that. A process that dies in between leaves
// what was set aside, which counts against budgets at once and is charged in full
// when it expires: too much rather than too little, and marked as estimated.
//
// Calls that cost nothing and concern no budget, of a model on this machine, are
// gathered and written every second and by Close: a search of three milliseconds
// does not wait for a disk. A process that is killed loses the last second of these.
//
// # Several processes
//
// What is set aside stands in the store, and whether a budget has room is decided
// in the transaction that sets aside. So processes that share a store cannot spend
// the same money twice. A budget is passed only by a call that takes more than its
// most: a server that reports more tokens than were counted.
package meter
