package config

import "fmt"

// fallback is the name of an entry of llm.fallbacks.
func fallback(i int) string { return fmt.Sprintf("llm.fallbacks[%d]", i) }

func (l *loader) readChatSecrets(at string, m *ChatModel) {
	l.readSecret(at+".api_key", at+".api_key_file", &m.APIKey, m.APIKeyFile)
	l.readAzureSecrets(at, &m.Azure)
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
	if m.Name != "azure" {
		return
	}
	if m.BaseURL == "" {
		wrong(at+".base_url", "is needed when %s.name is azure; write https://NAME.openai.azure.com", at)
	}
	if !m.APIKey.IsSet() && m.APIKeyFile == "" && m.Azure.Tenant == "" && !m.Azure.Token.IsSet() && m.Azure.TokenFile == "" {
		wrong(at+".api_key", "is needed when %s.name is azure, or %s.azure.tenant or token", at, at)
	}
	checkAzure(at, m.Azure, m.APIKey, wrong)
}

// readAzureSecrets fills in the secrets that the part of a section for Azure gives by
// the path of a file.
func (l *loader) readAzureSecrets(at string, a *Azure) {
	l.readSecret(at+".azure.client_secret", at+".azure.client_secret_file", &a.ClientSecret, a.ClientSecretFile)
	l.readSecret(at+".azure.token", at+".azure.token_file", &a.Token, a.TokenFile)
}
