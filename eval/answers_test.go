package eval

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/eval/loader"
	"github.com/smartretriever/smartretriever/rag"
)

func TestRunAnswers(t *testing.T) {
	d := &Dataset{Name: "d", Split: "test", Qrels: Qrels{"1": {"a": 1, "b": 0}, "2": {"a": 1}, "3": {"a": 2}, "4": {"a": 1}}}
	for _, id := range []string{"1", "2", "3", "4"} {
		d.Queries = append(d.Queries, loader.Query{ID: id, Text: "q" + id})
	}
	clock := time.Unix(0, 0)
	ask := func(_ context.Context, q string) (Answered, error) {
		clock = clock.Add(10 * time.Millisecond)
		switch q {
		case "q1":
			return Answered{Cited: []string{"b", "a"}, Route: "cheap: short", Tokens: 5, Cost: 100, Currency: "USD"}, nil
		case "q2":
			return Answered{Cited: []string{"c"}, Route: "good: long", Tokens: 50, Cost: 1000, Currency: "USD"}, nil
		case "q3":
			return Answered{Refused: true, Cited: []string{"a"}, Route: "good: long: colon", Tokens: 7, Cost: 70, Currency: "USD"}, nil
		}
		return Answered{}, rag.Errorf(rag.KindExhausted, "no room")
	}
	steps := 0
	opt := Options{Now: func() time.Time { return clock }, Progress: func(done, of int) { steps += of }}
	r, err := RunAnswers(t.Context(), d, ask, opt)
	if err != nil {
		t.Fatal(err)
	}
	want := []Tally{
		{Route: "", Questions: 1, Failed: 1, TookMS: 10},
		{Route: "cheap", Questions: 1, Answered: 1, Right: 1, Tokens: 5, Cost: 100, Currency: "USD", TookMS: 10},
		{Route: "good", Questions: 2, Answered: 1, Tokens: 57, Cost: 1070, Currency: "USD", TookMS: 10},
	}
	for i := range want {
		if i >= len(r.Routes) || r.Routes[i] != want[i] {
			t.Errorf("route %d: %+v, want %+v", i, r.Routes, want[i])
		}
	}
	if all := (Tally{Route: "all", Questions: 4, Answered: 2, Right: 1, Failed: 1, Tokens: 62, Cost: 1170, Currency: "USD", TookMS: 10}); r.All != all || steps != 16 {
		t.Errorf("all %+v, %d steps", r.All, steps)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "0.00000107 USD") {
		t.Errorf("%v\n%s", err, out.String())
	}
	wrong := errors.New("wrong")
	if _, err := RunAnswers(t.Context(), d, func(context.Context, string) (Answered, error) { return Answered{}, wrong }, Options{}); !errors.Is(err, wrong) {
		t.Errorf("a fault that concerns all: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := RunAnswers(ctx, d, ask, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
