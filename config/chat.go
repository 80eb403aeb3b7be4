package config

import (
	"fmt"
	"strings"
)

// fallback is the name of an entry of llm.fallbacks.
func fallback(i int) string { return fmt.Sprintf("llm.fallbacks[%d]", i) }

func (l *loader) readChatSecrets(at string, m *ChatModel) {
	l.readSecret(at+".api_key", at+".api_key_file", &m.APIKey, m.APIKeyFile)
	l.readSecret(at+".entra_secret", at+".entra_secret_file", &m.EntraSecret, m.EntraSecretFile)
}

func (l *loader) checkLLM(wrong func(name, format string, args ...any)) {
	checkChat(&l.LLM.ChatModel, "llm", wrong)
	if l.LLM.Name == "none" && len(l.LLM.Fallbacks) > 0 {
		wrong("llm.fallbacks", "there is nothing to fall back from: llm.name is none")
	}
	for i := range l.LLM.Fallbacks {
		m := &l.LLM.Fallbacks[i]
		if m.Name == "none" {
			wrong(fallback(i)+".name", "is needed")
		}
		checkChat(m, fallback(i), wrong)
	}
}

// checkChat reports what is wrong with the settings of a language model at a place,
// "llm" or an entry of its fallbacks.
func checkChat(m *ChatModel, at string, wrong func(name, format string, args ...any)) {
	if m.FirstTokenTimeout > m.Timeout {
		wrong(at+".first_token_timeout", "%s is longer than %s.timeout, %s", formatDuration(m.FirstTokenTimeout), at, formatDuration(m.Timeout))
	}
	if err := checkProxy(m.Proxy); err != "" {
		wrong(at+".proxy", "%s", err)
	}
	if m.Name == "none" {
		return
	}
	if m.Model == "" {
		wrong(at+".model", "is needed when %s.name is %s", at, m.Name)
	}
	if m.BaseURL != "" {
		if err := checkURL(m.BaseURL, at+".api_key"); err != "" {
			wrong(at+".base_url", "%s", err)
		}
	}
	if m.Temperature > 1 && (m.Name == "anthropic" || m.Name == "cohere") {
		wrong(at+".temperature", "%v is more than 1, the most that %s takes", m.Temperature, m.Name)
	}
	if m.Name == "azure" {
		checkAzure(m, at, wrong)
		return
	}
	for _, s := range []struct{ name, value string }{
		{"api_version", m.APIVersion}, {"auth", strings.TrimPrefix(m.Auth, "key")}, {"entra_tenant", m.EntraTenant},
		{"entra_client_id", m.EntraClientID}, {"entra_secret", m.EntraSecret.Reveal()},
	} {
		if s.value != "" {
			wrong(at+"."+s.name, "is for %s.name azure; it is %s", at, m.Name)
		}
	}
}

func checkAzure(m *ChatModel, at string, wrong func(name, format string, args ...any)) {
	if m.BaseURL == "" {
		wrong(at+".base_url", "is needed when %s.name is azure; write https://NAME.openai.azure.com", at)
	}
	switch {
	case m.Auth != "entra":
		if !m.APIKey.IsSet() && m.APIKeyFile == "" {
			wrong(at+".api_key", "is needed when %s.name is azure and %s.auth is %s", at, at, m.Auth)
		}
		return
	case m.APIKey.IsSet():
		wrong(at+".api_key", "is not used when %s.auth is entra", at)
	}
	for _, s := range []struct {
		name string
		set  bool
	}{{"entra_tenant", m.EntraTenant != ""}, {"entra_client_id", m.EntraClientID != ""}, {"entra_secret", m.EntraSecret.IsSet() || m.EntraSecretFile != ""}} {
		if !s.set {
			wrong(at+"."+s.name, "is needed when %s.auth is entra", at)
		}
	}
	if err := checkURL(m.EntraAuthority, at+".entra_secret"); err != "" {
		wrong(at+".entra_authority", "is not an address; write https://HOST")
	}
}
