// Doubles serves the doubles of providers that the tests use, each on a port of its
// own on loopback, for the providers' own clients to be tried on them: a double that
// a client of its provider cannot use would be a double of nothing.
//
//	doubles    prints a line for each, "embed ollama http://127.0.0.1:40123", then serves until it is stopped
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/llmtest"
	"github.com/smartretriever/smartretriever/model/remote/remotetest"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
)

// key is what all of them want to see.
const key = "double-0123456789"

func main() {
	failed := make(chan error)
	for _, d := range embedtest.Dialects() {
		serve("embed", d.Name, &embedtest.Server{Dialect: d, Model: "m", Key: key, Dimensions: 8}, failed)
	}
	for _, d := range reranktest.Dialects() {
		serve("rerank", d.Name, &reranktest.Server{Dialect: d, Model: "m", Key: key}, failed)
	}
	for _, w := range []struct {
		name string
		wire llmtest.Wire
	}{
		{"openai", llmtest.OpenAI()}, {"azure", llmtest.Azure("m", "2024-10-21", false)}, {"azure-v1", llmtest.Azure("m", "", false)},
		{"anthropic", llmtest.Anthropic()}, {"gemini", llmtest.Gemini()}, {"cohere", llmtest.Cohere()}, {"ollama", llmtest.Ollama()},
	} {
		serve("chat", w.name, &llmtest.Server{Wire: w.wire, Model: "m", Key: key, Answer: chat}, failed)
	}
	fmt.Println("ready")
	fmt.Fprintln(os.Stderr, <-failed)
	os.Exit(1)
}

// chat answers a question by its words.
func chat(_ int, asked llmtest.Asked) llmtest.Script {
	last := asked.Turns[len(asked.Turns)-1].Content
	script := llmtest.Script{Pieces: []string{"Hello", ", 世界", "!"}, Usage: llm.Usage{PromptTokens: 40, CachedTokens: 25, CompletionTokens: 7}}
	switch last {
	case "what do you see?":
		script.Pieces = []string{fmt.Sprintf("%s|%d turns|%d tokens|%v|%q", asked.System, len(asked.Turns), asked.MaxTokens, *asked.Temperature, asked.Stop)}
	case "be long":
		script.Finish = llm.FinishLength
	case "be filtered":
		script.Filtered = true
	case "be busy":
		script = llmtest.Script{Problem: llmtest.Busy, Message: "slow down"}
	case "be overloaded":
		script = llmtest.Script{Problem: llmtest.Overloaded, Message: "too much"}
	case "be too long":
		script = llmtest.Script{Problem: llmtest.TooLong, Message: "too long"}
	case "break down":
		script.After, script.Break, script.Message = 1, llmtest.Fails, "GPU on fire"
	}
	return script
}

// serve listens on a free port and prints it.
func serve(kind, name string, h http.Handler, failed chan<- error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s %s http://%s\n", kind, name, l.Addr())
	go func() {
		s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, Protocols: remotetest.Protocols()}
		failed <- s.Serve(l)
	}()
}
