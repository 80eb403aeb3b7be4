// Package cli is the command line: one file a verb, over whatever Retriever the
// program opens.
//
// Program.Run reads the configuration, opens what a verb needs and maps errors to
// exit codes, once, at its end. A verb is a function that adds a command to the
// root; it sees the world through its app: the streams, the terminal (screen.go),
// the configuration, and an interface with the few methods that it calls. So all
// of them run in tests with a fake and no terminal.
//
// Standard output carries results, and nothing but JSON with --json. Progress,
// warnings and logs go to standard error. Text from documents is stripped of
// control characters before it reaches a terminal (screen.go), because a file
// must not be able to move the cursor of whoever reads it.
package cli
