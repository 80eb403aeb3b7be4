package cli

import (
	"context"
	"strings"

	"github.com/smartretriever/smartretriever/eval"
	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
)

// evaluateAnswers asks the judged queries and reports what the answers rest on, which
// model wrote them and what they cost.
func (a *app) evaluateAnswers(ctx context.Context, r evaluated, data *eval.Dataset, f evalFlags) error {
	scope := a.scope(nil)
	if err := a.addCorpus(ctx, r, scope, data.Corpus); err != nil {
		return err
	}
	p := startProgress(a.err, "questions")
	report, err := eval.RunAnswers(ctx, data, func(ctx context.Context, question string) (eval.Answered, error) {
		// The bill is exact, where the answer's own cost is a float for reading.
		ctx, bill := meter.Track(ctx)
		ans, err := r.QueryStream(ctx, scope, rag.Question{Text: question, K: a.cfg.Answer.K, Mode: rag.Mode(a.cfg.Retrieval.Mode), NoCache: true}, nil)
		return answeredBy(ans, bill), err
	}, eval.Options{Queries: f.limit, Progress: func(done, of int) {
		p.setTotal(of, true)
		p.result(rag.AddResult{})
	}})
	p.end()
	if err != nil {
		return err
	}
	if !a.flags.json {
		return report.Print(a.out)
	}
	out := struct {
		eval.AnswerReport
		PerQuery []answerLine `json:"per_query,omitempty"`
	}{AnswerReport: report}
	if f.perQuery {
		for _, q := range report.Queries {
			out.PerQuery = append(out.PerQuery, answerLine{
				ID: q.ID, Text: q.Text, Route: q.Route, Model: q.Model, Refused: q.Refused, Right: q.Right, Failed: q.Failed,
				Tokens: q.Tokens, Cost: q.Cost, Milliseconds: q.Took.Milliseconds(),
			})
		}
	}
	a.out.json(out)
	return nil
}

// answerLine is one question in eval --answers --queries --json.
type answerLine struct {
	ID           string    `json:"id"`
	Text         string    `json:"text"`
	Route        string    `json:"route,omitempty"`
	Model        string    `json:"model,omitempty"`
	Refused      bool      `json:"refused"`
	Right        bool      `json:"right"`
	Failed       string    `json:"failed,omitempty"`
	Tokens       int64     `json:"tokens"`
	Cost         rag.Money `json:"cost"`
	Milliseconds int64     `json:"took_ms"`
}

// answeredBy is what an evaluation wants to know of an answer. An answer that
// failed has no trace; what it has cost is on the bill all the same.
func answeredBy(ans rag.Answer, bill *meter.Bill) eval.Answered {
	used, currency := bill.Sum("")
	out := eval.Answered{Refused: ans.Refused, Model: ans.Usage.Model, Tokens: used.Tokens(), Cost: used.Cost, Currency: currency}
	for _, c := range ans.Citations {
		out.Cited = append(out.Cited, c.Document.ExternalID)
	}
	for _, s := range ans.Trace.Stages {
		if s.Name == "route" {
			out.Route = strings.TrimSpace(s.Note)
		}
	}
	return out
}
