// Package azure embeds texts with a deployment of Azure OpenAI. Its protocol is
// OpenAI's under other addresses, of which there are two:
//
//	https://NAME.openai.azure.com             deployments, with a version of the API in the query
//	https://NAME.openai.azure.com/openai/v1   as OpenAI's, the deployment in the place of the model
//
// The resource's key goes into the header api-key; a token of Microsoft Entra ID,
// from remote.EntraToken or another source, into Authorization.
package azure

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/smartretriever/smartretriever/model/embed"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/rag"
)

// APIVersion is the version of the API that is asked for unless another is
// configured: the newest that is not a preview.
const APIVersion = "2024-10-21"

// limits are those of OpenAI's models on Azure. A deployment has any name; one that
// has the model's is taken to be it.
var limits = map[string]embed.Limits{
	"text-embedding-3-small": {Dimensions: 1536, MaxTokens: 8191, Texts: 2048, Tokens: 300_000},
	"text-embedding-3-large": {Dimensions: 3072, MaxTokens: 8191, Texts: 2048, Tokens: 300_000},
	"text-embedding-ada-002": {Dimensions: 1536, MaxTokens: 8191, Texts: 2048, Tokens: 300_000},
}

// Config says which deployment is called and how. Config.Model is its name.
type Config struct {
	embed.Config
	APIVersion string // of addresses with deployments; "" is APIVersion
}

// Embedder embeds texts with one deployment.
type Embedder = embed.Client

// New returns an embedder; see embed.New.
func New(ctx context.Context, cfg Config) (*Embedder, error) {
	if cfg.APIVersion == "" {
		cfg.APIVersion = APIVersion
	}
	return embed.New(ctx, embed.Provider{
		Name: "azure", Protocol: protocol{cfg}, Limits: limits[cfg.Model], KeyHeader: "api-key", Shortens: true,
	}, cfg.Config)
}

// request is the body of a call; a deployment in the address is not repeated.
type request struct {
	Model      string   `json:"model,omitempty"`
	Input      []string `json:"input"`
	Dimensions int      `json:"dimensions,omitempty"`
}

type protocol struct{ cfg Config }

// likeOpenAI reports whether the address is one without deployments.
func (p protocol) likeOpenAI() bool {
	return strings.HasSuffix(strings.TrimRight(p.cfg.BaseURL, "/"), "/v1")
}

func (p protocol) version() string { return "?api-version=" + url.QueryEscape(p.cfg.APIVersion) }

// Request implements embed.Protocol.
func (p protocol) Request(_ rag.EmbedKind, texts []string) embed.Request {
	body := request{Input: texts}
	if p.cfg.SendDimensions {
		body.Dimensions = p.cfg.Dimensions
	}
	if p.likeOpenAI() {
		body.Model = p.cfg.Model
		return embed.Request{Path: "/embeddings", Body: body}
	}
	return embed.Request{Path: "/openai/deployments/" + url.PathEscape(p.cfg.Model) + "/embeddings" + p.version(), Body: body}
}

// Answer implements embed.Protocol.
func (p protocol) Answer(_ http.Header, body []byte, _ int) (embed.Answer, error) {
	return embed.ReadData(body)
}

// Check implements embed.Protocol. Azure lists the models of a resource, not its
// deployments; that the list is there says that the key is accepted.
func (p protocol) Check(ctx context.Context, s *remote.Server) error {
	if p.likeOpenAI() {
		return s.Reach(ctx, "/models")
	}
	return s.Reach(ctx, "/openai/models"+p.version())
}
