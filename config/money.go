package config

import (
	"fmt"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// checkMoney looks at budgets and routing.
func (l *loader) checkMoney(wrong func(name, format string, args ...any)) {
	taken := map[string]bool{}
	for i, b := range l.Budgets {
		at := fmt.Sprintf("budgets[%d]", i)
		switch {
		case b.Name == "":
			wrong(at, "needs a name")
		case taken[b.Name]:
			wrong(at, "the name %q is used twice", b.Name)
		}
		taken[b.Name] = true
		if b.Money == "" && b.Tokens == 0 {
			wrong(at, "needs money or tokens, the most that may be spent")
		}
		if money, err := rag.ParseMoney(b.Money); b.Money != "" && (err != nil || money == 0) {
			wrong(at, "money: %q is not an amount; write a decimal number such as 12.50", b.Money)
		}
		if b.Currency != "" && len(b.Currency) != 3 {
			wrong(at, "currency: %q; write three letters such as USD", b.Currency)
		}
		for _, op := range b.Operations {
			if !slices.Contains(rag.Operations(), rag.Operation(op)) {
				wrong(at, "operations: %q is not known; write embed_passages, embed_question, chat, rerank or enrich", op)
			}
		}
		if b.CheaperModel != "" && l.LLM.Name == "none" {
			wrong(at, "cheaper_model needs a language model, and llm.name is none")
		}
	}
	r := l.Routing
	switch {
	case r.Model == "":
	case l.LLM.Name == "none":
		wrong("routing.model", "needs a language model, and llm.name is none")
	case r.BaseURL != "":
		if err := checkURL(r.BaseURL, "routing.api_key"); err != "" {
			wrong("routing.base_url", "%s", err)
		}
	case r.APIKey.IsSet():
		wrong("routing.api_key", "belongs to routing.base_url, which is not set")
	}
	if r.Model == "" && r.Always == "cheap" {
		wrong("routing.always", "is cheap, and there is no routing.model")
	}
}
