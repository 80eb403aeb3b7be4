package smartretriever

import (
	"github.com/smartretriever/smartretriever/text/enrich"
	"github.com/smartretriever/smartretriever/text/enrich/kept"
)

// enrichments makes the stages that are on.
func (r *Retriever) enrichments() (*enrich.Set, error) {
	cfg := r.cfg.Enrich
	if cfg.Writer.Writer != nil && cfg.Writer.Keep == nil && !r.cfg.ForgetWritten {
		cfg.Writer.Keep = kept.In(r.path(writtenDir), r.cfg.Clock)
	}
	return enrich.New(cfg)
}
