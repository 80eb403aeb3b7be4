package answer

import (
	"errors"

	"github.com/smartretriever/smartretriever/model/meter"
	"github.com/smartretriever/smartretriever/rag"
)

// usage completes what the generator counted with what was charged for the whole
// answer: the question's embedding, and every try of the language model. What is not
// metered, a generator of the caller's own or everything without a meter, is as the
// generator counts it, and goes to the metrics from here.
func (p *Pipeline) usage(q rag.Question, u rag.Usage, bill *meter.Bill) rag.Usage {
	if p.cfg.Meter == nil {
		u.EmbeddingTokens += p.cfg.Embed.CountTokens(q.Text)
		u.TotalTokens = u.EmbeddingTokens + u.PromptTokens + u.CompletionTokens
		p.count(u)
		return u
	}
	for _, op := range []rag.Operation{rag.OpEmbedQuestion, rag.OpEmbedPassages} {
		c, _ := bill.Sum(op)
		u.EmbeddingTokens += int(c.Input)
	}
	chat, _ := bill.Sum(rag.OpChat)
	all, currency := bill.Sum("")
	if chat.Calls > 0 {
		u.PromptTokens, u.CompletionTokens = int(chat.Input), int(chat.Output)
		u.Cost, u.Currency = all.Cost.Float(), currency
	} else {
		p.count(rag.Usage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, Cost: u.Cost, Currency: u.Currency})
		if u.Cost == 0 || u.Currency == currency {
			u.Cost, u.Currency = u.Cost+all.Cost.Float(), currency
		}
	}
	u.TotalTokens = u.EmbeddingTokens + u.PromptTokens + u.CompletionTokens
	return u
}

func (p *Pipeline) count(u rag.Usage) {
	p.cfg.Observe.Tokens("embedding", u.EmbeddingTokens)
	p.cfg.Observe.Tokens("prompt", u.PromptTokens)
	p.cfg.Observe.Tokens("completion", u.CompletionTokens)
	if u.Cost > 0 {
		p.cfg.Observe.Cost(u.Cost, u.Currency)
	}
}

// cheaperPart marks an answer, among its degraded parts, that a cheaper model than
// the usual one wrote since a budget was nearly used up.
const cheaperPart = "cheaper_model"

// swapped notes in the trace that a budget chose another model.
func (r *run) swapped(bill *meter.Bill) {
	for _, why := range bill.Swaps() {
		r.degraded = append(r.degraded, cheaperPart)
		r.stage("budget", r.cfg.Clock(), 0, 0, why)
	}
}

// overBudget reports whether err is a budget without room: then nothing is done in
// place of what it refused.
func overBudget(err error) bool {
	_, is := errors.AsType[*rag.Exceeded](err)
	return is
}
