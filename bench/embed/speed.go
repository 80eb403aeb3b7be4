package main

import (
	"context"
	"io"
	"time"

	"github.com/smartretriever/smartretriever/bench/machine"
	"github.com/smartretriever/smartretriever/model/bert"
)

// job asks to embed texts again and again for about the given time.
type job struct {
	Texts   []string `json:"texts"`
	Batch   int      `json:"batch"` // texts in one call
	Workers int      `json:"workers"`
	Kernel  string   `json:"kernel"`
	Seconds float64  `json:"seconds"`
}

// timing is the answer: the seconds that each call took, tokenising included,
// and the processor time of all of them.
type timing struct {
	Kernel string    `json:"kernel"`
	Calls  []float64 `json:"calls"`
	CPU    float64   `json:"cpu"`
}

// speed answers jobs, one a line, until the input ends.
func speed(model *bert.Model, stdin io.Reader, stdout io.Writer) error {
	encoders := map[bert.Config]*bert.Encoder{}
	return filter(stdin, stdout, func(j job) (any, error) {
		cfg := bert.Config{Workers: j.Workers, Kernel: j.Kernel}
		encoder := encoders[cfg]
		if encoder == nil {
			var err error
			if encoder, err = bert.NewEncoder(model, cfg); err != nil {
				return nil, err
			}
			encoders[cfg] = encoder
			if _, err := measure(encoder, j, 0); err != nil { // warm
				return nil, err
			}
		}
		return measure(encoder, j, time.Duration(j.Seconds*float64(time.Second)))
	})
}

func measure(encoder *bert.Encoder, j job, atLeast time.Duration) (timing, error) {
	t := timing{Kernel: encoder.Kernel(), Calls: []float64{}}
	dst := make([]float32, j.Batch*encoder.Model().Hidden)
	started, cpu := time.Now(), machine.CPUTime()
	for at := 0; len(t.Calls) == 0 || time.Since(started) < atLeast; at++ {
		from := at * j.Batch % (len(j.Texts) - j.Batch + 1)
		call := time.Now()
		if err := encoder.Encode(context.Background(), dst, "", j.Texts[from:from+j.Batch]); err != nil {
			return t, err
		}
		t.Calls = append(t.Calls, time.Since(call).Seconds())
	}
	t.CPU = (machine.CPUTime() - cpu).Seconds()
	return t, nil
}
