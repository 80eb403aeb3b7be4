package llm

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// fence matches whatever could pass for the beginning or the end of a source.
	fence = regexp.MustCompile(`(?i)<(\s*/?\s*source)`)
	// control matches the control tokens of the common chat templates (ChatML,
	// Llama, Mistral, Gemma, DeepSeek). Servers that run a model themselves may turn
	// them into real control tokens wherever they stand.
	control = regexp.MustCompile(`(?i)<([|｜])|([|｜])>|\[(/?INST|/?SYSTEM_PROMPT|/?AVAILABLE_TOOLS|/?TOOL_CALLS|/?TOOL_RESULTS)\]|<(</?SYS>>|/?s>|/?think>|bos>|eos>|(?:start|end)_of_turn>)`)
	// marker matches a reference mark of a paper, which would read as a source's number.
	marker = regexp.MustCompile(`\[(\d+(?:\s*[,;–-]\s*\d+)*)\]`)
)

// neutral defuses text that goes into the prompt as data. People read it as
// before; the bytes that programs act upon are gone.
func neutral(s string) string {
	s = fence.ReplaceAllString(s, "‹$1")
	s = control.ReplaceAllStringFunc(s, func(m string) string {
		return strings.NewReplacer("<", "‹", ">", "›", "[", "(", "]", ")", "|", "¦", "｜", "¦").Replace(m)
	})
	s = marker.ReplaceAllString(s, "($1)")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r == '\r':
			return -1
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && !joiner(r):
			return -1 // invisible characters hide text from people, not from models
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// joiner reports whether an invisible character is part of how a language is
// written: zero-width joiners in Indic scripts and emoji.
func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }
