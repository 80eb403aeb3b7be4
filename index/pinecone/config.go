package pinecone

import (
	"crypto/tls"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/smartretriever/smartretriever/index/external/rest"
	"github.com/smartretriever/smartretriever/rag"
)

// apiVersion is the version of the API that is spoken.
const apiVersion = "2025-10"

// Config says which indexes of Pinecone are used, and how.
type Config struct {
	Key string // of the API; of a project

	// Host is the address of an index that is there, https://INDEX-PROJECT.svc.REGION.pinecone.io; its spaces all have its dimensions, and its metric has to be
	// cosine. With "" indexes are found and made by the control plane, one for each number of dimensions, named by Index and that number.
	Host string

	Control string // address of the control plane; "" is https://api.pinecone.io
	Index   string // begins the names of indexes; lower-case letters, digits and hyphens, at most 40; "" is smartretriever
	Cloud   string // where indexes are made: aws, gcp or azure; "" is aws
	Region  string // of the cloud; "" is us-east-1
	// Prefix begins the names of namespaces; what begins with another one is left alone. Letters and digits, at most 40; "" is smartretriever.
	Prefix string

	TLS            *tls.Config   // for proxies with an authority of their own; nil trusts those of the system
	ConnectTimeout time.Duration // of connecting and of the TLS handshake; 0 is 5 s
	Timeout        time.Duration // of a request; 0 is 30 s
	CreateTimeout  time.Duration // until an index that is made is ready, and until a namespace that is dropped is gone; 0 is 2 min
	// Freshness is how long a read waits for the writes of this process to be seen; 0 is 10 s. Then a search answers without them, and a list or count of ids,
	// which would be taken for exact, is KindUnavailable.
	Freshness time.Duration
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	for field, value := range map[*string]string{
		&c.Control: "https://api.pinecone.io", &c.Index: "smartretriever", &c.Cloud: "aws", &c.Region: "us-east-1", &c.Prefix: "smartretriever",
	} {
		if *field == "" {
			*field = value
		}
	}
	for field, value := range map[*time.Duration]time.Duration{
		&c.CreateTimeout: 2 * time.Minute, &c.Freshness: 10 * time.Second,
	} {
		if *field == 0 {
			*field = value
		}
	}
	return c
}

var (
	indexForm  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9]{1,40}$`)
	placeForm  = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// Validate reports all that is wrong with a Config whose defaults have been filled in, as KindInvalid.
func (c Config) Validate() error {
	var faults []error
	if c.Key == "" {
		faults = append(faults, errors.New("the API key is missing"))
	}
	if err := c.rest(c.Control).Validate(); err != nil {
		faults = append(faults, err)
	}
	if c.Host != "" {
		if err := c.rest(c.Host).Validate(); err != nil {
			faults = append(faults, err)
		}
	}
	if !indexForm.MatchString(c.Index) {
		faults = append(faults, errors.New("the index's name must be 1 to 40 lower-case letters, digits and hyphens, with no hyphen at its ends"))
	}
	if !placeForm.MatchString(c.Cloud) || !placeForm.MatchString(c.Region) {
		faults = append(faults, errors.New("cloud and region must be as aws and us-east-1"))
	}
	if !prefixForm.MatchString(c.Prefix) {
		faults = append(faults, errors.New("the prefix must be 1 to 40 letters and digits"))
	}
	if c.CreateTimeout < 0 || c.Freshness < 0 {
		faults = append(faults, errors.New("a timeout is negative"))
	}
	if err := errors.Join(faults...); err != nil {
		return rag.Errorf(rag.KindInvalid, "pinecone: %w", err)
	}
	return nil
}

func (c Config) rest(address string) rest.Config {
	return rest.Config{
		Product: "pinecone", Address: address, TLS: c.TLS, ConnectTimeout: c.ConnectTimeout, Timeout: c.Timeout,
		Secrets: map[string]string{"Api-Key": c.Key}, Header: http.Header{"X-Pinecone-Api-Version": {apiVersion}},
	}
}
