package enrich

import (
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Config says which stages are on, and how they are set. The zero Config has none.
type Config struct {
	Stages     []string // names among Names
	Keyphrases KeyphraseOptions
	Topics     []Topic
	Labels     LabelOptions
	Summary    SummaryOptions
	// Written has a language model write summaries; otherwise sentences are quoted.
	Written bool
	Writer  WriterOptions // of Context, Questions and written summaries
}

// Names lists the stages in the order in which they run.
func Names() []string {
	return []string{"language", "counts", "readability", "has_code", "has_tables", "dates", "emails", "domains", "money", "phones", "entities", "keyphrases", "topics", "pii", "labels", "summary", "context", "questions"}
}

// CostOf returns what class of cost a stage has as it comes; summaries that are written
// are Chat.
func CostOf(name string) Cost {
	switch name {
	case "labels":
		return Embedding
	case "context", "questions":
		return Chat
	}
	return Rules
}

// New returns the set of the stages that cfg names, in the order of Names whatever the
// order there. It reports the first fault as KindInvalid.
func New(cfg Config) (*Set, error) {
	for _, name := range cfg.Stages {
		if !slices.Contains(Names(), name) {
			return nil, rag.Errorf(rag.KindInvalid, "enrichment %.40q is not known; known are %s", name, strings.Join(Names(), ", "))
		}
	}
	s := &Set{}
	for _, name := range Names() {
		if !slices.Contains(cfg.Stages, name) {
			continue
		}
		if err := cfg.add(s, name); err != nil {
			return nil, rag.Errorf(rag.KindInvalid, "enrichment %s: %w", name, err)
		}
	}
	return s, nil
}

func (cfg *Config) add(s *Set, name string) (err error) {
	var st Stage
	var chunks ChunkStage
	switch name {
	case "language":
		st = Language()
	case "counts":
		st = Counts()
	case "readability":
		st = Readability()
	case "has_code":
		st = HasCode()
	case "has_tables":
		st = HasTables()
	case "dates":
		st = Dates()
	case "emails":
		st = Emails()
	case "domains":
		st = Domains()
	case "money":
		st = Money()
	case "phones":
		st = Phones()
	case "entities":
		st = Entities()
	case "pii":
		st = PII()
	case "keyphrases":
		st, err = Keyphrases(cfg.Keyphrases)
	case "topics":
		if len(cfg.Topics) == 0 {
			return rag.Errorf(rag.KindInvalid, "there are no topics (enrich.topics)")
		}
		st, err = Topics(cfg.Topics)
	case "labels":
		if len(cfg.Labels.Labels) == 0 {
			return rag.Errorf(rag.KindInvalid, "there are no labels (enrich.labels)")
		}
		st, err = Labels(cfg.Labels)
	case "summary":
		if cfg.Written {
			st, err = WrittenSummary(cfg.Writer)
		} else {
			st, err = Summary(cfg.Summary)
		}
	case "context":
		chunks, err = Context(cfg.Writer)
	case "questions":
		chunks, err = Questions(cfg.Writer)
	}
	switch {
	case err != nil:
		return err
	case chunks != nil:
		s.chunks = append(s.chunks, chunks)
	default:
		s.stages = append(s.stages, st)
	}
	return nil
}
