//go:build e2e

package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// The server runs on whatever cores are left, so it gets much time.
const llamaTimeout = 10 * time.Minute

func llama(t *testing.T, change func(*openai.Config)) *openai.Client {
	t.Helper()
	cfg := openai.Config{Config: chat.Config{BaseURL: address(t, "E2E_LLAMA"), Model: "smollm2", Key: os.Getenv("E2E_LLAMA_KEY"), FirstTokenTimeout: llamaTimeout, Timeout: llamaTimeout}}
	if change != nil {
		change(&cfg)
	}
	c, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func say(ctx context.Context, m llm.Model, r llm.Request) (pieces []string, res llm.Result, err error) {
	res, err = m.Chat(ctx, r, func(s string) error {
		pieces = append(pieces, s)
		return nil
	})
	return pieces, res, err
}

func TestLlamaServer(t *testing.T) {
	c := llama(t, nil)
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	t.Run("streams", func(t *testing.T) {
		r := request("Count from one to five in words.")
		r.MaxTokens = 16
		pieces, res, err := say(t.Context(), c, r)
		if err != nil || len(pieces) < 3 || strings.Join(pieces, "") != res.Text || res.Model != "smollm2" {
			t.Fatalf("pieces %q, %+v, %v", pieces, res, err)
		}
		_, again, err := say(t.Context(), c, r)
		if err != nil || again.Text != res.Text {
			t.Errorf("at temperature 0 %q, then %q, %v", res.Text, again.Text, err)
		}
	})
	t.Run("length", func(t *testing.T) {
		r := request("Tell a long story about a lighthouse.")
		r.MaxTokens = 16
		if _, res, err := say(t.Context(), c, r); err != nil || res.Finish != llm.FinishLength {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("stop", func(t *testing.T) {
		r := llm.Request{MaxTokens: 24, Stop: []string{"three"}, Messages: []rag.Message{
			{Role: "user", Content: "Count in words."}, {Role: "assistant", Content: "one two three four five"},
			{Role: "user", Content: "Repeat exactly: one two three four five"},
		}}
		if _, res, err := say(t.Context(), c, r); err != nil || strings.Contains(res.Text, "three") {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("conversation in other scripts", func(t *testing.T) {
		r := llm.Request{MaxTokens: 8, Messages: []rag.Message{
			{Role: "system", Content: "Be brief. 世界 \u202eשלום\u202c \x00\x1b"}, {Role: "user", Content: "مرحبا 🙂"},
			{Role: "assistant", Content: "Hi."}, {Role: "user", Content: "And you?"},
		}}
		if _, res, err := say(t.Context(), c, r); err != nil || res.Text == "" {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := request("Tell a long story about a lighthouse.")
		r.MaxTokens = 512
		_, err := c.Chat(ctx, r, func(string) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("at the same time", func(t *testing.T) {
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				r := request("Say hello.")
				r.MaxTokens = 4
				if _, res, err := say(t.Context(), c, r); err != nil || res.Text == "" {
					t.Errorf("%+v, %v", res, err)
				}
			})
		}
		all.Wait()
	})
	t.Run("too long", func(t *testing.T) {
		// This server begins its answer before it finds out, and breaks off then.
		r := request(strings.Repeat("word ", 5000))
		if _, _, err := say(t.Context(), c, r); err == nil || !(rag.KindOf(err) == rag.KindExhausted || rag.KindOf(err) == rag.KindUnavailable) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("wrong key", func(t *testing.T) {
		wrong := llama(t, func(c *openai.Config) { c.Key = testKey })
		_, _, err := say(t.Context(), wrong, request("Say hello."))
		fails(t, "wrong key", err, rag.KindUnavailable, false)
		fails(t, "check", wrong.Check(t.Context()), rag.KindUnavailable, false)
	})
	t.Run("another model", func(t *testing.T) {
		other := llama(t, func(c *openai.Config) { c.Model = "gpt-4o" })
		if err := other.Check(t.Context()); rag.KindOf(err) != rag.KindNotFound || !strings.Contains(err.Error(), "smollm2") {
			t.Errorf("got %v", err)
		}
	})
}

// The whole program with a real model behind it: what it cites must be in the
// document, or it must say that it did without the model.
func TestLlamaAnswers(t *testing.T) {
	url := address(t, "E2E_LLAMA")
	dir := t.TempDir()
	const text = "The lamp of the lighthouse at Skerry is changed every eighteen months. The keeper is called Maren."
	file := filepath.Join(dir, "lighthouse.md")
	if err := os.WriteFile(file, []byte("# Lighthouse\n\n"+text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(os.Getenv("E2E_BIN"), append([]string{"--data", filepath.Join(dir, "data")}, args...)...)
		cmd.Env = append(os.Environ(), "SMARTRETRIEVER_LLM_NAME=openai", "SMARTRETRIEVER_LLM_BASE_URL="+url, "SMARTRETRIEVER_LLM_MODEL=smollm2",
			"SMARTRETRIEVER_LLM_API_KEY="+os.Getenv("E2E_LLAMA_KEY"), "SMARTRETRIEVER_LLM_MAX_TOKENS=48",
			"SMARTRETRIEVER_LLM_TIMEOUT=10m", "SMARTRETRIEVER_LLM_FIRST_TOKEN_TIMEOUT=10m", "SMARTRETRIEVER_ANSWER_TIMEOUT=10m")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, errs.String())
		}
		return out.Bytes()
	}
	run("add", file)
	var answer struct {
		Answer    string
		Refused   bool
		Degraded  []string
		Citations []struct{ Quote string }
		Usage     struct {
			Model            string
			PromptTokens     int `json:"prompt_tokens"`
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal(run("ask", "--json", "How often is the lamp of the lighthouse changed?"), &answer); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", answer)
	if answer.Usage.Model != "smollm2" && len(answer.Degraded) == 0 {
		t.Errorf("the model did not answer, and nothing says so: %+v", answer)
	}
	if len(answer.Citations) == 0 && !answer.Refused {
		t.Errorf("an answer without a citation: %+v", answer)
	}
	for _, c := range answer.Citations {
		if !strings.Contains("Lighthouse\n\n"+text, c.Quote) {
			t.Errorf("cites %q", c.Quote)
		}
	}
	if answer.Usage.Model == "smollm2" && (answer.Usage.PromptTokens < 50 || answer.Usage.CompletionTokens < 1) {
		t.Errorf("usage %+v", answer.Usage)
	}
}
