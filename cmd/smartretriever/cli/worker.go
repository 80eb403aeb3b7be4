package cli

import (
	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// workerCommand is what the program starts itself as to read a file in a process
// of its own, with its own limits of time and memory. It takes no configuration.
func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "extract-worker",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			if a.program.Worker == nil {
				return rag.Errorf(rag.KindInternal, "this program has no extraction worker")
			}
			a.code = a.program.Worker(a.stdin, a.out.w)
			return nil
		},
	}
}
