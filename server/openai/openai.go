package openai

import (
	"net/http"
	"time"

	"github.com/smartretriever/smartretriever/server/upload"
)

type Service interface{}
type Config struct {
	Service Service
	MaxBody int64
	Upload  upload.Limits
	Beat    time.Duration
}

func Register(mux *http.ServeMux, cfg Config) {}
