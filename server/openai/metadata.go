package openai

import (
	"maps"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// reserved begins the metadata keys that are ours.
const reserved = "openai_"

// shown is metadata as clients see it: without our keys, and lists, which
// OpenAI's attributes cannot hold, as one string.
func shown(m rag.Metadata) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if strings.HasPrefix(k, reserved) {
			continue
		}
		out[k] = v.Any()
		if v.Kind() == rag.ListValue {
			parts := make([]string, len(v.Items()))
			for i, e := range v.Items() {
				parts[i] = e.String()
			}
			out[k] = strings.Join(parts, ", ")
		}
	}
	return out
}

// given checks metadata that a client sent in the field named param.
func given(param string, m rag.Metadata) error {
	for k := range m {
		if strings.HasPrefix(k, reserved) {
			return invalid(param, "%s: keys that begin with %q are reserved", param, reserved)
		}
	}
	if err := m.Validate(); err != nil {
		return coded(err, param, "")
	}
	return nil
}

// withReserved returns the client's metadata together with our keys of old.
func withReserved(client, old rag.Metadata) rag.Metadata {
	out := rag.Metadata{}
	maps.Copy(out, client)
	for k, v := range old {
		if strings.HasPrefix(k, reserved) {
			out[k] = v
		}
	}
	return out
}
