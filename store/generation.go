package store

// MaxLast is the most chunks that are embedded inside the transaction that makes a
// generation live: a second's work for a model on two cores.
const MaxLast = 32
