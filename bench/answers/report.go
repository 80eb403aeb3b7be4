package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// share is a number of successes of a number of tries.
type share struct{ yes, of int }

func (s *share) add(ok bool) {
	s.of++
	if ok {
		s.yes++
	}
}

func (s share) String() string {
	if s.of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(s.yes)/float64(s.of))
}

// report prints the figures of each set and, for the confidence, of all together,
// leaving out the questions with which weights were fitted.
func report(w io.Writer, sets []*set, outcomes []outcome) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "set\tquestions\tanswer in sources\tanswer in text\twrongly refused\tunanswerable caught: another corpus\tanswer removed")
	for _, s := range sets {
		var inSources, inText, refused, caughtOther, caughtWithout share
		n := 0
		for _, o := range outcomes {
			if o.Set != s.name || learned(o) {
				continue
			}
			switch o.Condition {
			case own:
				n++
				refused.add(o.Refused)
				if o.Short {
					inSources.add(o.InSources)
					inText.add(o.Found)
				}
			case without:
				caughtWithout.add(o.Refused)
			case other:
				caughtOther.add(o.Refused)
			}
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", s.name, n, inSources, inText, refused, caughtOther, caughtWithout)
	}
	t.Flush()
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "confidence\tanswers\tmean confidence\tanswer in text")
	for i := range 10 {
		low, high := float64(i)/10, float64(i+1)/10
		var right share
		sum := 0.0
		for _, o := range outcomes {
			if !o.Refused && !learned(o) && o.Confidence >= low && (o.Confidence < high || i == 9) && (o.Short || !o.Answerable) {
				right.add(o.Found)
				sum += o.Confidence
			}
		}
		if right.of > 0 {
			fmt.Fprintf(t, "%.1f to %.1f\t%d\t%.2f\t%s\n", low, high, right.of, sum/float64(right.of), right)
		}
	}
	t.Flush()
}
