package answer

import (
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// narrow is a generator that reads one source and no history.
type narrow struct {
	script
	err error
}

func (n *narrow) Fit(p Prompt) (Prompt, string, error) {
	p.History, p.Sources = nil, p.Sources[:1]
	return p, "one source left out", n.err
}

func TestWhatDoesNotFitIsLeftOutAndNoted(t *testing.T) {
	g := &narrow{script: script{pieces: []string{"It stands 330 metres tall [1]."}, draft: Draft{Confidence: -1}}}
	p := build(t, twoDocuments(), g, nil)
	a, err := p.Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?", History: []rag.Message{{Role: "user", Content: "hello"}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Hits) != 1 || len(g.seen.Sources) != 1 || g.seen.History != nil {
		t.Errorf("%d hits; the generator saw %+v", len(a.Hits), g.seen)
	}
	noted := false
	for _, s := range a.Trace.Stages {
		noted = noted || s.Name == "assemble" && s.Out == 1 && s.Note == "one source left out"
	}
	if !noted {
		t.Errorf("stages %+v", a.Trace.Stages)
	}
}

func TestAQuestionThatDoesNotFit(t *testing.T) {
	g := &narrow{err: rag.Errorf(rag.KindInvalid, "question: is too long")}
	_, err := build(t, twoDocuments(), g, nil).Ask(t.Context(), rag.Scope{}, rag.Collection{ID: 1}, rag.Question{Text: "how tall?"}, nil)
	if rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("got %v", err)
	}
}
