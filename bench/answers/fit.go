package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"

	"github.com/smartretriever/smartretriever/answer/extractive"
)

// example is an outcome as a regression sees it.
type example struct {
	x      [5]float64 // 1, and the fields of Evidence in the order of its weights
	yes    bool
	weight float64
}

// What a condition counts, so that half of the weight lies on questions that can be
// answered. Sets count alike, but for the largest one, which counts twice.
var conditionWeight = map[string]float64{own: .5, other: .35, without: .15}

func setWeight(name string) float64 {
	if name == "xquad en" {
		return 2
	}
	return 1
}

// fitAll prints the weights that package extractive has in evidence.go: those of the
// sources holding the answer, and those of the quotes holding it.
func fitAll(w io.Writer, outcomes []outcome) {
	count := map[[2]string]float64{}
	for _, o := range outcomes {
		count[[2]string{o.Set, o.Condition}]++
	}
	var sources, quotes []example
	for _, o := range outcomes {
		if !learned(o) {
			continue
		}
		e := example{x: fields(o.Evidence), yes: o.Answerable}
		e.weight = 1000 * setWeight(o.Set) * conditionWeight[o.Condition] / count[[2]string{o.Set, o.Condition}]
		sources = append(sources, e)
		// Confidence is about answers that are given, so refused ones teach nothing.
		given := o.Evidence.Probability() >= extractive.DefaultMinEvidence
		if given && (o.Short || !o.Answerable) {
			e.yes = o.Found
			quotes = append(quotes, e)
		}
	}
	fmt.Fprintln(w, "\nweights: bias, cosine, mean, words, known")
	fmt.Fprintf(w, "answerable %.2f\n", regress(sources))
	fmt.Fprintf(w, "answered   %.2f\n", regress(quotes))
}

// learned reports whether a question is one of those that the weights are fitted on;
// the others are for checking.
func learned(o outcome) bool {
	h := fnv.New32a()
	fmt.Fprint(h, o.Set, o.ID)
	return h.Sum32()%2 == 0
}

func fields(e extractive.Evidence) [5]float64 {
	return [5]float64{1, e.Cosine, e.Mean, e.Words, e.Known}
}

// regress fits a logistic regression by Newton's method (iteratively reweighted
// least squares) with a slight ridge.
func regress(examples []example) [5]float64 {
	const ridge, rounds = 1e-2, 30
	var w [5]float64
	for range rounds {
		var gradient [5]float64
		var hessian [5][5]float64
		for i := range w {
			gradient[i] = -ridge * w[i]
			hessian[i][i] = ridge
		}
		for _, e := range examples {
			z := 0.0
			for i, x := range e.x {
				z += w[i] * x
			}
			p := 1 / (1 + math.Exp(-z))
			y := 0.0
			if e.yes {
				y = 1
			}
			for i := range w {
				gradient[i] += e.weight * (y - p) * e.x[i]
				for j := range w {
					hessian[i][j] += e.weight * p * (1 - p) * e.x[i] * e.x[j]
				}
			}
		}
		step := solve(hessian, gradient)
		for i := range w {
			w[i] += step[i]
		}
	}
	return w
}

// solve returns x with a x = b, for a positive definite a (Gaussian elimination).
func solve(a [5][5]float64, b [5]float64) [5]float64 {
	for i := range b {
		for k := i + 1; k < len(b); k++ {
			f := a[k][i] / a[i][i]
			for j := i; j < len(b); j++ {
				a[k][j] -= f * a[i][j]
			}
			b[k] -= f * b[i]
		}
	}
	var x [5]float64
	for i := len(b) - 1; i >= 0; i-- {
		x[i] = b[i]
		for j := i + 1; j < len(b); j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x
}
