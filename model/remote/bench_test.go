package remote

import (
	"net/http"
	"testing"
)

// What a call pays for its turn where nothing holds it back.
func BenchmarkTurn(b *testing.B) {
	l := limiter(LimitConfig{RequestsPerMinute: 1 << 40, TokensPerMinute: 1 << 40})
	h := http.Header{"X-Ratelimit-Limit-Requests": {"10000"}, "X-Ratelimit-Remaining-Requests": {"9999"}, "X-Ratelimit-Reset-Requests": {"6ms"}}
	b.ReportAllocs()
	for b.Loop() {
		p, err := l.acquire(b.Context(), 10)
		if err != nil {
			b.Fatal(err)
		}
		p.heard(http.StatusOK, h)
		p.release()
	}
}
