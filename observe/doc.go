// Package observe turns what happens in the pipelines and in the server into
// log lines (log/slog) and numbers (Prometheus).
//
// An Observer has one method for each kind of event. The parts call it with
// plain values and know nothing of metric names, labels or log keys; those live
// here, each metric beside the event that it counts. A nil *Observer is valid and
// does nothing, so a part needs no check before it reports.
//
// # Metrics
//
// All names begin with smartretriever_. Every Observer has its own registry (with
// the collectors of the Go runtime and of the process), so that two open
// retrievers in one program, and tests, do not share numbers.
//
// Label values are bounded: those that come from outside the program (an HTTP
// method, an unknown route) or that could grow (names of stages, of places) pass
// through a label set with a fixed capacity, beyond which they become "other".
// Nothing a client sends can make a new time series.
//
// # Logs
//
// Document writes one line for each document handed in; the server writes its
// own line for each request, because it knows the request's id. Lines carry
// names, counts and reasons, never document text, questions or secrets.
package observe
