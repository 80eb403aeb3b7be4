// Package sandbox reads files in child processes that can be killed.
//
// A reader of hostile files can hang or take all memory, and a goroutine in it
// cannot be stopped. So the reading happens in a child of the same program:
//
//	parent: Pool.Read ── request ──▶ stdin   child: Main ──▶ format.Reader
//	                  ◀── answer ─── stdout
//
// The parent holds each file to a time and a memory limit, looking at the
// child's resident memory while it waits, and kills the child's process group
// when one is passed. A crash, a kill and a limit become the error of the one
// file that caused it; the next file gets a fresh child. Children are kept warm
// between files, since starting the PDF engine takes longer than most files.
//
// The parent watches, and not the child itself, because compiled WebAssembly
// does not yield to the Go scheduler: while it loops, a garbage collection waits
// for it and every goroutine of that process with it. What the child does on its
// own is a second line: it collects garbage early, exits when its memory is
// beyond the limit (where the parent cannot see it), and has a limit of processor
// time, so that it does not outlive a parent that was killed.
//
// Main is what the program has to call in its hidden verb; frame.go says what
// goes over the pipes.
package sandbox
