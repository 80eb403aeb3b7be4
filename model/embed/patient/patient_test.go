package patient_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/patient"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// down fails until a moment.
type down struct {
	until time.Time
	err   error
	calls int
	saved int
}

func (*down) Model() rag.Model       { return rag.Model{ID: "m", Dimensions: 1} }
func (*down) CountTokens(string) int { return 1 }
func (d *down) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	d.calls++
	if time.Now().Before(d.until) {
		return nil, d.err
	}
	return make([][]float32, len(texts)), nil
}
func (d *down) Saved(_ context.Context, _ rag.EmbedKind, tokens int) { d.saved += tokens }

func temporary(after time.Duration) error {
	return &remote.Temporary{Err: rag.Errorf(rag.KindUnavailable, "down"), After: after}
}

func TestWaits(t *testing.T) {
	limited := &remote.Limited{Err: rag.Errorf(rag.KindExhausted, "too many"), After: 20 * time.Second}
	for _, tt := range []struct {
		name     string
		down     time.Duration
		err      error
		kind     rag.EmbedKind
		patience time.Duration
		works    bool
		waits    bool
		atMost   time.Duration
	}{
		{"is up", 0, nil, rag.PassageText, time.Minute, true, false, 0},
		{"comes back", 40 * time.Second, temporary(0), rag.PassageText, 2 * time.Minute, true, true, 80 * time.Second},
		{"wrapped", 40 * time.Second, rag.Wrap(rag.KindUnavailable, temporary(0), "embed"), rag.PassageText, 2 * time.Minute, true, true, 80 * time.Second},
		{"asks for time", 20 * time.Second, temporary(25 * time.Second), rag.PassageText, time.Minute, true, true, 26 * time.Second},
		{"is limited", 15 * time.Second, limited, rag.PassageText, time.Minute, true, true, 21 * time.Second},
		{"stays away", time.Hour, temporary(0), rag.PassageText, time.Minute, false, true, time.Minute},
		{"asks for too much", time.Hour, temporary(2 * time.Minute), rag.PassageText, time.Minute, false, false, 0},
		{"a question", time.Hour, temporary(0), rag.QuestionText, time.Minute, false, false, 0},
		{"a refused key", time.Hour, rag.Errorf(rag.KindUnavailable, "key"), rag.PassageText, time.Minute, false, false, 0},
		{"no room in a budget", time.Hour, rag.Errorf(rag.KindExhausted, "budget"), rag.PassageText, time.Minute, false, false, 0},
		{"no patience", time.Hour, temporary(0), rag.PassageText, 0, false, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &down{until: time.Now().Add(tt.down), err: tt.err}
				told := time.Duration(0)
				e := patient.New(d, patient.Config{Patience: tt.patience, Waiting: func(_ error, wait time.Duration) { told += wait }})
				begun := time.Now()
				v, err := e.Embed(t.Context(), tt.kind, []string{"a", "b"})
				took := time.Since(begun)
				if (err == nil) != tt.works || tt.works && len(v) != 2 {
					t.Errorf("%d vectors, %v", len(v), err)
				}
				if (took > 0) != tt.waits || took > tt.atMost || took != told {
					t.Errorf("waited %s, told %s, at most %s", took, told, tt.atMost)
				}
				if !tt.works && !errors.Is(err, tt.err) {
					t.Errorf("another error: %v", err)
				}
			})
		})
	}
}

func TestCallerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		d := &down{until: time.Now().Add(time.Hour), err: temporary(0)}
		begun := time.Now()
		if _, err := patient.New(d, patient.Config{Patience: time.Hour}).Embed(ctx, rag.PassageText, []string{"a"}); err == nil {
			t.Error("no error")
		}
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("waited %s", took)
		}
	})
}

func TestSaved(t *testing.T) {
	d := &down{}
	patient.New(d, patient.Config{}).Saved(t.Context(), rag.PassageText, 3)
	if d.saved != 3 {
		t.Errorf("%d", d.saved)
	}
}
