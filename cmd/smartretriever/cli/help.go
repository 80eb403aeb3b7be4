package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setHelp gives the command and its verbs one form of help: what it does, how it
// is written, an example, its own flags, and the flags of every verb last.
func setHelp(root *cobra.Command) {
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { printHelp(c.OutOrStdout(), c) })
	root.SetUsageFunc(func(c *cobra.Command) error { printHelp(c.OutOrStderr(), c); return nil })
}

func printHelp(w io.Writer, c *cobra.Command) {
	about := c.Long
	if about == "" {
		about = c.Short
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n", strings.TrimSpace(about))
	if c.Runnable() && c.HasParent() {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s VERB [flags]\n", c.CommandPath())
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(c.Example, "\n"))
	}
	printVerbs(w, c)
	printFlags(w, "Flags:", c.LocalNonPersistentFlags())
	if c.HasParent() {
		printFlags(w, "Flags of every verb:", c.InheritedFlags())
	} else {
		printFlags(w, "Flags of every verb:", c.PersistentFlags())
		fmt.Fprintf(w, "\n'%s VERB --help' says more about a verb.\n", c.CommandPath())
	}
}

func printVerbs(w io.Writer, c *cobra.Command) {
	if !c.HasAvailableSubCommands() {
		return
	}
	list := func(title, group string) {
		first := true
		for _, sub := range c.Commands() {
			if sub.GroupID != group || !sub.IsAvailableCommand() {
				continue
			}
			if first {
				fmt.Fprintf(w, "\n%s\n", title)
				first = false
			}
			fmt.Fprintf(w, "  %-12s %s\n", sub.Name(), sub.Short)
		}
	}
	for _, g := range c.Groups() {
		list(g.Title, g.ID)
	}
	list("Verbs:", "")
}

// helpWidth is the width that help texts are wrapped to: they look the same
// everywhere and fit the narrowest usual terminal.
const helpWidth = 80

func printFlags(w io.Writer, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(w, "\n%s\n%s", title, flags.FlagUsagesWrapped(helpWidth))
}
