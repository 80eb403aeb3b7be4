// Package azure is a client of chat models that are deployed in Azure OpenAI. The
// protocol is that of package openai; what differs is where it is spoken to and how
// a caller says who it is.
//
// There are two addresses. With a dated version of the API ("2024-10-21") the
// deployment is part of the path, /openai/deployments/NAME/chat/completions; without
// one, or at an address that ends in /openai/v1, it is the model of the newer API
// there, which has no versions. A key
// goes into the header api-key; a token of Microsoft Entra ID, from a
// remote.TokenSource, into Authorization.
//
// What a content filter stops, in a question or in an answer, is KindRefused, and the
// error names the categories.
package azure

import (
	"context"
	"net/url"
	"regexp"
	"strings"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/llm/openai"
	"github.com/smartretriever/smartretriever/model/remote"
	"github.com/smartretriever/smartretriever/model/remote/chat"
	"github.com/smartretriever/smartretriever/rag"
)

// Config says which deployment is called and how long it may take.
type Config struct {
	// Config has the address of the resource, https://NAME.openai.azure.com, or of its
	// newer API, with /openai/v1 behind it, the deployment as the model, and the
	// resource's key, or "" with Tokens.
	chat.Config
	APIVersion string             // as 2024-10-21; "" is the newer API without versions, which takes none
	Tokens     remote.TokenSource // gives a token of Entra ID, instead of Key; may be nil
}

// version is the form of a version of the API.
var version = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-preview)?$`)

// Validate reports what is wrong, as KindInvalid.
func (c Config) Validate() error {
	switch {
	case c.APIVersion != "" && !version.MatchString(c.APIVersion):
		return rag.Errorf(rag.KindInvalid, "llm: %.40q is not a version of Azure's API; write one like 2024-10-21, or none for /openai/v1", c.APIVersion)
	case c.BaseURL == "":
		return rag.Errorf(rag.KindInvalid, "llm: the address of the Azure OpenAI resource is missing")
	case (c.Key == "") == (c.Tokens == nil):
		return rag.Errorf(rag.KindInvalid, "llm: Azure OpenAI needs either a key or a source of tokens")
	}
	return c.openai().Validate()
}

// openai is the configuration of the protocol.
func (c Config) openai() openai.Config {
	o := openai.Config{Config: c.Config, KeyHeader: "Api-Key", Tokens: c.Tokens, Provider: "azure"}
	o.BaseURL = c.root() + "/openai/v1"
	if c.dated() {
		o.BaseURL = c.root() + "/openai"
		o.Path = "/deployments/" + url.PathEscape(c.Model) + "/chat/completions?api-version=" + url.QueryEscape(c.APIVersion)
	}
	return o
}

// dated reports whether a version of the API is asked for.
func (c Config) dated() bool {
	return c.APIVersion != "" && !strings.HasSuffix(strings.TrimRight(c.BaseURL, "/"), "/openai/v1")
}

// root is the resource's address. The portal also shows it with parts of the path.
func (c Config) root() string {
	root := strings.TrimRight(c.BaseURL, "/")
	root = strings.TrimSuffix(root, "/v1")
	return strings.TrimSuffix(root, "/openai")
}

// Client calls one deployment. It is goroutine-safe.
type Client struct {
	*openai.Client
	models string // path of the list of models
}

var _ llm.Model = (*Client)(nil)

// New returns a client, or an error of KindInvalid. It does not call.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	o, err := openai.New(cfg.openai())
	if err != nil {
		return nil, err
	}
	models := "/models"
	if cfg.dated() {
		models += "?api-version=" + url.QueryEscape(cfg.APIVersion)
	}
	return &Client{o, models}, nil
}

// Check asks the resource for its models, which costs nothing. The list is of what
// may be deployed, not of what is: whether the deployment is there, only a call
// tells.
func (c *Client) Check(ctx context.Context) error {
	var list struct{}
	return c.Server().Get(ctx, c.models, &list)
}
