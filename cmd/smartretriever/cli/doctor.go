package cli

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// checked is what doctor calls.
type checked interface {
	Health(ctx context.Context) []rag.Health
	Verify(ctx context.Context) ([]string, error)
	embedder
}

// embedder is what can be given the reference sentences.
type embedder interface {
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
	Model() rag.Model
}

// minFreeBytes is the free space below which doctor complains: SQLite and the
// originals of a few large files.
const minFreeBytes = 1 << 30

func (a *app) doctorCommand() *cobra.Command {
	var all, quick bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is configured, and check that it works",
		Long: `Prints the settings in force that differ from the defaults and where each comes
from (with --all, every setting; secrets are masked), and checks the data folder, the free
space, the store with its read replicas, the original files, the embedding model, and what
else is configured: vector database, cache, reranker, language model. Every original file is
read, unless --quick is given. The exit code is 1 when something that is needed does not work.

It makes the store where there is none yet: before 'smartretriever migrate', do not run it
with the new configuration.`,
		Example: `  smartretriever doctor
  smartretriever doctor --all
  smartretriever doctor --json | jq '.checks[] | select(.ok | not)'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(c); err != nil {
				return err
			}
			return a.doctor(c.Context(), all, quick)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "print every setting, also those that are as they come")
	c.Flags().BoolVar(&quick, "quick", false, "leave out reading the whole store and all original files")
	return c
}

// check is a line of doctor's findings.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"`
	Detail string `json:"detail"`
}

func (a *app) doctor(ctx context.Context, all, quick bool) error {
	var settings []config.Setting
	for _, s := range a.cfg.Settings() {
		if s.Name == "data" {
			s.Value = a.cfg.Data
		}
		if all || a.flags.json || s.Origin.Layer != config.FromDefault || s.Name == "data" {
			settings = append(settings, s)
		}
	}
	if !a.flags.json {
		a.printSettings(settings, all)
	}
	checks := a.runChecks(ctx, quick)
	healthy := true
	for _, c := range checks {
		healthy = healthy && (c.OK || !c.Needed)
	}
	if a.flags.json {
		a.out.json(struct {
			Healthy  bool             `json:"healthy"`
			File     string           `json:"file,omitempty"`
			Settings []config.Setting `json:"settings"`
			Checks   []check          `json:"checks"`
		}{healthy, a.cfg.File(), settings, checks})
	} else {
		a.printChecks(checks, healthy)
	}
	if !healthy {
		return errReported{ExitFailure}
	}
	return nil
}

func (a *app) printSettings(settings []config.Setting, all bool) {
	s := a.out
	file := a.cfg.File()
	if file == "" {
		file = "none; " + config.DefaultFile(a.env) + " would be read"
	}
	s.line("%s", s.bold("Configuration"))
	s.line("  %s %s", s.dim(pad("file", 26)), wrap(clean(file), s.width()-1, strings.Repeat(" ", 29)))
	for _, set := range settings {
		value := set.Value
		if value == "" {
			value = "-"
		}
		s.line("  %s %s %s", s.dim(pad(set.Name, 26)), pad(clean(value), 24), s.dim(set.Origin.String()))
	}
	if !all {
		s.line("  %s", s.dim("everything else is as it comes; --all shows it"))
	}
	s.print("\n")
}

func (a *app) printChecks(checks []check, healthy bool) {
	s := a.out
	s.line("%s", s.bold("Checks"))
	for _, c := range checks {
		mark := s.green("ok  ")
		switch {
		case !c.OK && c.Needed:
			mark = s.red("FAIL")
		case !c.OK:
			mark = s.yellow("warn")
		}
		s.line("  %s %s %s", mark, pad(c.Name, 13), wrap(clean(c.Detail), a.textWidth(), strings.Repeat(" ", 21)))
	}
	s.print("\n")
	if healthy {
		s.line("Everything that is needed works.")
	} else {
		s.line("%s", s.red("Something that is needed does not work."))
	}
}

// runChecks goes from the bottom up; what cannot be opened ends it.
func (a *app) runChecks(ctx context.Context, quick bool) []check {
	checks := []check{a.checkFolder(), a.checkSpace()}
	if !checks[0].OK {
		return checks
	}
	r, err := a.open(ctx, true)
	if err != nil {
		return append(checks, check{"store", false, true, err.Error()})
	}
	for _, h := range r.Health(ctx) {
		if h.Name == "embedder" {
			continue // checked below by embedding something
		}
		if h.Detail == "" && h.OK {
			h.Detail = "works"
		}
		checks = append(checks, check{h.Name, h.OK, h.Needed, h.Detail})
	}
	if !quick {
		checks = append(checks, verifyStore(ctx, r))
	}
	checks = append(checks, checkEmbedder(ctx, r))
	if a.cfg.LLM.Name == "none" {
		checks = append(checks, check{"llm", true, false, "none: answers are quoted sentences"})
	}
	checks = append(checks, a.enrichmentCheck())
	if err := r.Close(); err != nil {
		checks = append(checks, check{"close", false, true, err.Error()})
	}
	return checks
}

// enrichmentCheck says which stages are on and what class of cost each has.
func (a *app) enrichmentCheck() check {
	if len(a.cfg.Enrich.Stages) == 0 {
		return check{"enrichment", true, false, "none"}
	}
	costs := map[enrich.Cost][]string{}
	for _, name := range a.cfg.Enrich.Stages {
		cost := enrich.CostOf(name)
		if name == "summary" && a.cfg.Enrich.Summary == "llm" {
			cost = enrich.Chat
		}
		costs[cost] = append(costs[cost], name)
	}
	var parts []string
	for _, c := range []enrich.Cost{enrich.Rules, enrich.Embedding, enrich.Chat} {
		if len(costs[c]) > 0 {
			parts = append(parts, strings.Join(costs[c], ", ")+" ("+string(c)+")")
		}
	}
	return check{"enrichment", true, false, strings.Join(parts, "; ")}
}

// checkFolder makes sure that the data folder, or the place where it will be made,
// can be written to.
func (a *app) checkFolder() check {
	c := check{Name: "data folder", Needed: true}
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		c.Detail = err.Error()
		return c
	}
	f, err := os.CreateTemp(a.cfg.Data, ".doctor-*")
	if err != nil {
		c.Detail = "cannot be written to: " + err.Error()
		return c
	}
	_, err = f.WriteString("x")
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if rmErr := os.Remove(f.Name()); err == nil {
		err = rmErr
	}
	if err != nil {
		c.Detail = "cannot be written to: " + err.Error()
		return c
	}
	c.OK, c.Detail = true, a.cfg.Data+", "+size(folderSize(a.cfg.Data))
	return c
}

func folderSize(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil // what vanishes meanwhile does not count
	})
	return total
}

func (a *app) checkSpace() check {
	free, err := freeSpace(a.cfg.Data)
	if err != nil {
		return check{"free space", true, false, "not known: " + err.Error()}
	}
	return check{"free space", free >= minFreeBytes, false, size(free)}
}

// verifyStore reads the store and compares what must agree.
func verifyStore(ctx context.Context, r checked) check {
	begun := time.Now()
	faults, err := r.Verify(ctx)
	switch {
	case err != nil:
		return check{"contents", false, true, err.Error()}
	case len(faults) == 0:
		return check{"contents", true, true, "store and originals agree (" + duration(time.Since(begun)) + ")"}
	}
	detail := strings.Join(faults[:min(5, len(faults))], "; ")
	if len(faults) > 5 {
		detail += fmt.Sprintf("; and %d more", len(faults)-5)
	}
	return check{"contents", false, true, detail}
}

// reference is a sentence and two others, of which the first is nearer to it in
// meaning though not in words. A model whose weights or arithmetic are damaged
// does not tell them apart.
var reference = [3]string{"How do I get my money back?", "Customers receive a full refund within thirty days.", "The museum opens at nine in the morning."}

// checkEmbedder embeds the reference sentences.
func checkEmbedder(ctx context.Context, r embedder) check {
	c := check{Name: "embedder", Needed: true}
	begun := time.Now()
	question, err := r.Embed(ctx, rag.QuestionText, reference[:1])
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	passages, err := r.Embed(ctx, rag.PassageText, reference[1:])
	if err != nil {
		c.Detail = err.Error()
		return c
	}
	m := r.Model()
	for _, v := range append(question, passages...) {
		if len(v) != m.Dimensions || math.Abs(dot(v, v)-1) > .01 {
			c.Detail = fmt.Sprintf("%s gives a vector of %d dimensions and length %.3f; %d and 1 are right", m.ID, len(v), math.Sqrt(dot(v, v)), m.Dimensions)
			return c
		}
	}
	near, far := dot(question[0], passages[0]), dot(question[0], passages[1])
	c.OK = near > far
	c.Detail = fmt.Sprintf("%s, %d dimensions, three sentences in %s", m.ID, m.Dimensions, duration(time.Since(begun)))
	if !c.OK {
		c.Detail += fmt.Sprintf("; it finds an unrelated sentence (%.3f) nearer than a related one (%.3f)", far, near)
	}
	return c
}

func dot(a, b []float32) (sum float64) {
	for i := range min(len(a), len(b)) {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
