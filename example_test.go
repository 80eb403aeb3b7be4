package smartretriever_test

import (
	"context"
	"fmt"
	"log"
	"os"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
)

// Open a folder, add a document, ask, and read where the answer stands.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "smartretriever-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	r, err := smartretriever.Open(ctx, smartretriever.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	_, err = r.AddDocument(ctx, rag.Scope{}, rag.Input{
		ExternalID: "lighthouse",
		Title:      "Lighthouse handbook",
		Text: "The lamp of the Skerry lighthouse is changed every eighteen months. " +
			"The fog signal sounds three times a minute when visibility is below one mile.",
	})
	if err != nil {
		log.Fatal(err)
	}

	answer, err := r.Query(ctx, rag.Scope{}, rag.Question{Text: "How often is the lamp of the lighthouse changed?"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Text)
	for _, c := range answer.Citations {
		fmt.Printf("[%d] %s, bytes %d to %d: %q\n", c.Number, c.Document.Title, c.Span.Start, c.Span.End, c.Quote)
	}

	stats, err := r.Stats(ctx, rag.Scope{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.Documents, "document,", stats.Chunks, "chunk")
	// Output:
	// The lamp of the Skerry lighthouse is changed every eighteen months. [1]
	// [1] Lighthouse handbook, bytes 0 to 67: "The lamp of the Skerry lighthouse is changed every eighteen months."
	// 1 document, 1 chunk
}
