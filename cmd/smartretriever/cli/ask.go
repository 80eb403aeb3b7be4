package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/rag"
)

// asker is what ask calls.
type asker interface {
	QueryStream(ctx context.Context, scope rag.Scope, q rag.Question, on func(rag.Event) error) (rag.Answer, error)
}

func (a *app) askCommand() *cobra.Command {
	var f queryFlags
	stream := true
	c := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "Answer a question from the documents, with citations",
		Long: `Answers a question from the documents. Every statement is marked with the number
of a citation, and each citation shows the document, the page or heading, and the
words it rests on, read back from the stored text.

Without a language model the answer is made of the best sentences, quoted. With one
(llm.name, llm.base_url and llm.model in the configuration) it is written from them.
Where the documents do not hold the answer, the answer says so.`,
		Example: `  smartretriever ask "What limits the range of the sensor?"
  smartretriever ask "Who approved the budget?" --filter 'year >= 2024'
  smartretriever ask "What changed in version 2?" --json | jq -r .answer`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := words(args)
			if err != nil {
				return err
			}
			filter, err := f.parse()
			if err != nil {
				return err
			}
			if err := a.load(c, f.settings(c, "answer.k")...); err != nil {
				return err
			}
			q := rag.Question{Text: text, K: a.cfg.Answer.K, Mode: rag.Mode(a.cfg.Retrieval.Mode), Filter: filter, NoCache: f.cold, NoRerank: f.plain}
			return a.with(c.Context(), false, func(r Retriever) error {
				return a.ask(c.Context(), r, q, f, stream && a.out.terminal)
			})
		},
	}
	f.add(c, "passages that the answer is made from")
	c.Flags().BoolVar(&stream, "stream", true, "on a terminal, show the answer while it is written")
	return c
}

func (a *app) ask(ctx context.Context, r asker, q rag.Question, f queryFlags, stream bool) error {
	live := stream && !a.flags.json
	w := wrapper{columns: a.textWidth(), emit: a.out.print}
	written := false
	ans, err := r.QueryStream(ctx, a.scope(f.as), q, func(e rag.Event) error {
		if live && e.Kind == rag.EventDelta {
			w.write(clean(e.Delta))
			written = true
		}
		return nil
	})
	if err != nil {
		if written {
			w.close()
			a.out.print("\n")
		}
		return err
	}
	if a.flags.json {
		a.out.json(ans)
		return nil
	}
	if written {
		w.close()
		a.out.print("\n")
	} else {
		a.out.line("%s", wrap(clean(ans.Text), a.textWidth(), ""))
	}
	a.printCitations(ans.Citations)
	a.printAnswerNote(ans)
	if f.trace {
		a.out.print("\n")
		a.out.printTrace(ans.Trace)
	}
	return nil
}

// textWidth is the width that running text is broken at: the terminal's, but not
// so wide that lines are hard to read.
func (a *app) textWidth() int { return min(a.out.width()-1, 100) }

func (a *app) printCitations(citations []rag.Citation) {
	if len(citations) == 0 {
		return
	}
	s, width := a.out, a.textWidth()
	s.print("\n")
	for i := range citations {
		c := &citations[i]
		number := "[" + strconv.Itoa(c.Number) + "]"
		indent := strings.Repeat(" ", len(number)+1)
		head := oneLine(titleOf(&c.Document), width-len(indent))
		if p := place(c.Document.Title, c.Page, c.Heading); p != "" {
			head = oneLine(titleOf(&c.Document), max(20, width/2)) + s.dim(", "+oneLine(p, max(20, width/2-len(indent)-2)))
		}
		s.line("%s %s", s.cyan(number), head)
		quote := flat(clean(c.Quote))
		s.line("%s%s", indent, wrap("“"+shorten(quote, 600)+"”", width, indent))
		if from := whereFrom(&c.Document); from != "" {
			s.line("%s%s", indent, s.dim(fitPath(from, width-len(indent))))
		}
	}
}

// flat is a quote on one line; the rows of a table are divided by slashes.
func flat(quote string) string {
	var rows []string
	for line := range strings.Lines(tableRule.ReplaceAllString(quote, "")) {
		line = strings.Join(strings.Fields(line), " ")
		if len(line) > 2 && line[0] == '|' && line[len(line)-1] == '|' {
			line = strings.TrimSpace(line[1:len(line)-1]) + " /"
		}
		if line != "" {
			rows = append(rows, line)
		}
	}
	return strings.TrimSuffix(strings.Join(rows, " "), " /")
}

// shorten cuts a long quote in its middle, so that both its ends can be found.
func shorten(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return strings.TrimRight(string(runes[:most*2/3]), " ") + " … " + strings.TrimLeft(string(runes[len(runes)-most/3:]), " ")
}

// printAnswerNote says, to people, how the answer came about.
func (a *app) printAnswerNote(ans rag.Answer) {
	a.notes("answer", ans.Degraded, ans.Warnings)
	if ans.DroppedCitations > 0 {
		a.err.line("%s %s left out: the words were not found in the source.", a.err.yellow("note:"), plural(ans.DroppedCitations, "citation"))
	}
	if !a.out.terminal {
		return
	}
	parts := []string{plural(len(ans.Hits), "passage"), duration(ans.Trace.Took)}
	if !ans.Refused {
		parts = append(parts, fmt.Sprintf("confidence %.2f", ans.Confidence))
	}
	if ans.Usage.Model != "" {
		parts = append(parts, ans.Usage.Model)
	}
	if ans.Usage.Cost > 0 {
		parts = append(parts, fmt.Sprintf("%.6f %s", ans.Usage.Cost, ans.Usage.Currency))
	}
	if ans.Cached {
		parts = append(parts, "cached")
	}
	a.out.line("\n%s", a.out.dim(strings.Join(parts, " · ")))
}
