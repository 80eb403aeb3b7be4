package cli

import (
	"context"

	"github.com/spf13/cobra"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// verifier is what verify calls.
type verifier interface {
	VerifyAll(ctx context.Context, scope rag.Scope, tell func(root.Verified)) error
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Prove that everything agrees, and that what was deleted is nowhere",
		Long: `Finishes the clean-up after deletions and then compares all that is kept with the store,
whichever databases it is configured to use: rows and their references, original files by
their SHA-256, and, for every collection of the tenant (--tenant), the index (files by their
checksums, words, and vectors, also those in a vector database), which must hold exactly the chunks that
the store has. An index that is wrong is built again from what is stored, without embedding
anything. Cached results are forgotten; copies in the memory of other processes end within
a minute.

It reads everything. The exit code is 1 if anything was wrong, even though it is mended.
With --json there is one object for each part.`,
		Example: `  smartretriever verify
  smartretriever verify --tenant acme --json | jq 'select(.faults)'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.with(c.Context(), false, func(r Retriever) error {
				return r.VerifyAll(c.Context(), a.scope(nil), a.printVerified)
			})
		},
	}
}

// printVerified prints one part, and sets the exit code if it was wrong.
func (a *app) printVerified(v root.Verified) {
	if len(v.Faults) > 0 {
		a.code = ExitFailure
	}
	if a.flags.json {
		a.out.jsonLine(v)
		return
	}
	name := v.Part
	if v.Name != "" {
		name += " of " + v.Name
	}
	a.out.line("%s %s, %s", pad(name, 24), v.Checked, a.out.dim(duration(v.Took)))
	for i, fault := range v.Faults {
		if i == 20 {
			a.out.line("  and %d more", len(v.Faults)-i)
			break
		}
		a.out.line("  %s", fault)
	}
	switch {
	case len(v.Faults) > 0 && v.Mended:
		a.out.line("  %s", "it has been built again from the store")
	case len(v.Faults) > 0 && v.Part == "index":
		a.out.line("  %s", "another process has it open; restart that, which builds it again")
	}
}
