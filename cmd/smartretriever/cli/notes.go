package cli

import (
	"slices"
	"strings"
)

// cheaperModel stands among an answer's degraded parts where a budget had a cheaper
// model write it. It is not a part that was down.
const cheaperModel = "cheaper_model"

// notes says what an answer or search was made without, and how budgets stand.
func (a *app) notes(what string, degraded, warnings []string) {
	note := a.err.yellow("note:")
	down := slices.DeleteFunc(slices.Clone(degraded), func(part string) bool { return part == cheaperModel })
	for i, part := range down {
		if part == "vectors" {
			down[i] = "the vector database" // which the API calls by what it holds
		}
	}
	if len(down) > 0 {
		a.err.line("%s %s could not be reached; the %s was made without.", note, strings.Join(down, ", "), what)
	}
	if len(down) < len(degraded) {
		a.err.line("%s a cheaper model has written the answer, since a budget is nearly used up.", note)
	}
	for _, w := range warnings {
		a.err.line("%s %s", note, clean(w))
	}
}
