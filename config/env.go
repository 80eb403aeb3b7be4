package config

import (
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Env is the environment of the process, by name of variable.
type Env map[string]string

// Environ reads the process's environment. It is the one place that does.
func Environ() Env {
	vars := os.Environ()
	env := make(Env, len(vars))
	for _, v := range vars {
		if name, value, ok := strings.Cut(v, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}

// Get returns a variable's value, "" when it is not set.
func (e Env) Get(name string) string { return e[name] }

func (e Env) names() iter.Seq[string] { return maps.Keys(e) }

// NoColor reports whether the user asked for output without colour
// (NO_COLOR set to anything, or a terminal that has none).
func (e Env) NoColor() bool {
	return e["NO_COLOR"] != "" || e["TERM"] == "dumb"
}

// DefaultData returns the user's data folder for this program: under
// XDG_DATA_HOME or ~/.local/share on Unix, ~/Library/Application Support on
// macOS, %LocalAppData% on Windows. It is "" when the user has no home.
func DefaultData(env Env) string {
	switch runtime.GOOS {
	case "windows":
		return under(env["LOCALAPPDATA"], "smartretriever")
	case "darwin", "ios":
		return under(env["HOME"], "Library", "Application Support", "smartretriever")
	}
	if x := env["XDG_DATA_HOME"]; filepath.IsAbs(x) {
		return under(x, "smartretriever")
	}
	return under(env["HOME"], ".local", "share", "smartretriever")
}

// DefaultFile returns the path of the configuration file that is read when none
// is named and it exists, "" when the user has no home.
func DefaultFile(env Env) string {
	switch runtime.GOOS {
	case "windows":
		return under(env["APPDATA"], "smartretriever", "config.yaml")
	case "darwin", "ios":
		return under(env["HOME"], "Library", "Application Support", "smartretriever", "config.yaml")
	}
	if x := env["XDG_CONFIG_HOME"]; filepath.IsAbs(x) {
		return under(x, "smartretriever", "config.yaml")
	}
	return under(env["HOME"], ".config", "smartretriever", "config.yaml")
}

func under(base string, parts ...string) string {
	if base == "" {
		return ""
	}
	return filepath.Join(append([]string{base}, parts...)...)
}
