package redis

import (
	"context"
	_ "embed"
	"math"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Rates count the calls of all processes of an installation together, by the server's
// clock, and in its hash one script at a time. It is goroutine-safe.
type Rates struct{ c *Client }

// Rates returns the rates of this installation.
func (c *Client) Rates() *Rates { return &Rates{c} }

// The minute is cut into slots, as package remote cuts its own: what any minute holds is
// never more than the limit, wherever it begins, as the first slot of a window is one that
// has begun already. Not more than a tenth of the limit goes in a tenth of the minute.
const (
	slotsOfMinute = 60
	slotsOfBurst  = 6
	burstPart     = .1

	slot = time.Minute / slotsOfMinute
)

//go:embed lua/book.lua
var bookSource string

var bookScript = goredis.NewScript(bookSource)

// Book counts a call of subject, with so many tokens, at the first moment that keeps all
// calls booked by any process within requests and tokens a minute, 0 for no bound. in is how
// long it is until then; calls are booked in the order in which they ask. If that is not
// within the time given, nothing is booked, and in is when to ask again. A call with more
// tokens than a minute may have goes when there is nothing else for a minute. What is booked
// and not used stays counted.
// Errors: KindUnavailable while the server is away or slow, KindExhausted when its memory is
// full, that of ctx.
func (r *Rates) Book(ctx context.Context, subject string, requests, perMinute, tokens int, within time.Duration) (in time.Duration, booked bool, err error) {
	key := r.c.named("rate", subject)
	burst := func(limit int) int {
		if limit <= 0 {
			return 0
		}
		return max(1, int(burstPart*float64(limit)))
	}
	var answer []int64
	err = r.c.do(ctx, key, "book a call", func(ctx context.Context, db goredis.Cmdable) (err error) {
		answer, err = bookScript.Run(ctx, db, []string{key}, slot.Microseconds(), slotsOfMinute+1, slotsOfBurst+1,
			max(0, requests), burst(requests), max(0, perMinute), burst(perMinute), max(0, tokens), int64(math.Floor(float64(within)/float64(slot)))).Int64Slice()
		return err
	})
	if err != nil {
		return 0, false, err
	}
	if len(answer) != 2 {
		return 0, false, r.c.fault(ctx, "book a call", errDamaged)
	}
	return time.Duration(answer[1]) * time.Microsecond, answer[0] == 1, nil
}
