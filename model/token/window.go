package token

// DefaultWindow is the window that is taken where Window does not know a model:
// what servers for open models commonly set up.
const DefaultWindow = 8192

// windows are what vendors state for the models that they host, prompt and answer
// together. Models that anyone can run are not here: their window is what the
// server was started with, often far less than the model could. The first that
// matches counts.
var windows = []struct {
	name
	tokens int
}{
	{"gpt-5", 400_000},
	{"gpt-4.5", 128_000},
	{"gpt-4.1", 1_047_576},
	{"gpt-4o", 128_000},
	{"chatgpt-4o", 128_000},
	{"o1-mini", 128_000},
	{"o1-preview", 128_000},
	{"o1", 200_000},
	{"o3", 200_000},
	{"o4", 200_000},
	{"gpt-4-turbo", 128_000},
	{"gpt-4-1106", 128_000},
	{"gpt-4-0125", 128_000},
	{"gpt-4-32k", 32_768},
	{"gpt-4", 8_192},
	{"gpt-3.5-turbo-instruct", 4_096},
	{"gpt-3.5-turbo", 16_385},
	{"gpt-35-turbo", 16_385},
	{"claude-2.0", 100_000},
	{"claude-instant", 100_000},
	{"claude", 200_000},
	{"gemini-1.0", 32_760},
	{"gemini-pro", 32_760},
	{"gemini", 1_048_576},
	{"command-a", 256_000},
	{"command-r", 128_000},
	{"command-r7b", 128_000},
	{"mistral-large", 128_000},
	{"mistral-medium", 128_000},
	{"mistral-small", 32_000},
}

// Window returns the most tokens that a hosted model takes at once, the answer
// among them, and whether that is known.
func Window(model string) (tokens int, known bool) {
	n := plain(model)
	for _, w := range windows {
		if w.matches(n) {
			return w.tokens, true
		}
	}
	return DefaultWindow, false
}
