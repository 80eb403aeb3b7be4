package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Prints the version of the program, of Go, and the system it was built for.",
		Example: "  smartretriever version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Revision string `json:"revision,omitempty"`
				Go       string `json:"go"`
				System   string `json:"system"`
			}{a.program.Version, revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			if a.flags.json {
				a.out.json(v)
				return nil
			}
			text := "smartretriever " + v.Version
			if v.Revision != "" {
				text += " (" + v.Revision + ")"
			}
			a.out.line("%s, %s, %s", text, v.Go, v.System)
			return nil
		},
	}
}

// revision is the commit that was built, "" when the build did not note it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}
