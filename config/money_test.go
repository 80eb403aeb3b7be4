package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func loadMoney(t *testing.T, text string, env Env) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if env == nil {
		env = Env{}
	}
	env["HOME"] = "/home/nobody"
	return Load(Sources{File: path, Env: env})
}

const withModel = "llm: {name: openai, model: m}\n"

func TestBudgets(t *testing.T) {
	c, err := loadMoney(t, withModel+`
budgets:
  - {name: team, tenant: north, key: "*", operations: [chat, rerank], per: month, money: 12.50, currency: EUR, tokens: 100, warn_at: 0.5, cheaper_at: 0.7, cheaper_model: small}
  - {name: all, tokens: 5}
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Budgets) != 2 || c.Budgets[0].Money != "12.50" || c.Budgets[0].Key != "*" || len(c.Budgets[0].Operations) != 2 || c.Budgets[0].WarnAt != .5 || c.Budgets[1].Tokens != 5 {
		t.Errorf("%+v", c.Budgets)
	}
	c, err = loadMoney(t, withModel, Env{"SMARTRETRIEVER_BUDGETS": `[{"name": "env", "money": "1"}]`})
	if err != nil || len(c.Budgets) != 1 || c.Budgets[0].Name != "env" {
		t.Errorf("%+v, %v", c.Budgets, err)
	}
	for _, s := range c.Settings() {
		if s.Name == "budgets" && (s.Value != "env" || s.Origin.Layer != FromEnvironment) {
			t.Errorf("%+v", s)
		}
	}
	if _, err := Load(Sources{Env: Env{"HOME": "/home/nobody"}, Flags: []Flag{{Setting: "budgets", Value: "[]", As: "--set budgets"}}}); err == nil || !strings.Contains(err.Error(), "command line") {
		t.Errorf("as a flag: %v", err)
	}
}

func TestMoneyFaults(t *testing.T) {
	for text, says := range map[string]string{
		"budgets: [{tokens: 1}]":                                               "budgets[0]: needs a name",
		"budgets: [{name: a, tokens: 1}, {name: a, tokens: 1}]":                `budgets[1]: the name "a" is used twice`,
		"budgets: [{name: a}]":                                                 "needs money or tokens",
		"budgets: [{name: a, money: 1e3}]":                                     "is not an amount",
		"budgets: [{name: a, money: '0'}]":                                     "is not an amount",
		"budgets: [{name: a, money: -1}]":                                      "is not an amount",
		"budgets: [{name: a, tokens: -1}]":                                     "out of range",
		"budgets: [{name: a, tokens: 1, per: week}]":                           "day, month",
		"budgets: [{name: a, tokens: 1, warn_at: 2}]":                          "out of range",
		"budgets: [{name: a, tokens: 1, operations: [talk]}]":                  `"talk" is not known`,
		"budgets: [{name: a, tokens: 1, currency: dollars}]":                   "three letters",
		"budgets: [{name: a, tokens: 1, teant: b}]":                            "did you mean tenant?",
		"budgets: {name: a}":                                                   "wants a list of entries",
		"llm: {name: none}\nbudgets: [{name: a, tokens: 1, cheaper_model: m}]": "needs a language model",
		"llm: {name: none}\nrouting: {model: m}":                               "needs a language model",
		withModel + "routing: {model: s, base_url: here}":                      "is not an address",
		withModel + "routing: {model: s, api_key: secret}":                     "belongs to routing.base_url",
		withModel + "routing: {always: cheap}":                                 "there is no routing.model",
	} {
		_, err := loadMoney(t, text, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
