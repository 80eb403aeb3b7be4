// Package jobs works on what takes time: documents that were handed in together, and
// sources that are brought up to date.
//
// A job lives in the store and outlives whoever began it. A process that works on one
// holds it for a while (its lease) and says so again before that; a job whose holder was
// killed is taken by another process, or by the same one after its start. Each item's
// verdict is stored as it comes, so that what is done twice after a crash is what was
// done since the last beat, and that costs a look-up, since ingestion knows what it has
// stored.
//
//	runner.go  takes jobs whose turn it is, as many at once as are allowed
//	turn.go    one turn at a job: the lease, progress, cancelling, what its end means
//	add.go     the turn of a job that adds documents: its items, tried again where that may help
//	verdicts.go  verdicts on items, stored in batches
//
// Failures are of three sorts. An item's own fault is its verdict, and the others go on. A
// fault that may pass (KindUnavailable) has the item tried again, a few times with growing
// pauses. A fault of the whole (the store or the model is down) ends the turn, and the job
// waits for another.
package jobs
