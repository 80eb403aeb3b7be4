package s3

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/smartretriever/smartretriever/rag"
)

// How a bucket is addressed, for Config.Style.
const (
	Auto    = "auto"    // Virtual at Amazon, Google and Alibaba, Path elsewhere
	Path    = "path"    // https://HOST/BUCKET/KEY
	Virtual = "virtual" // https://BUCKET.HOST/KEY
)

// Config says which bucket is used, and how. Only Bucket has no default.
type Config struct {
	Endpoint string // https://HOST[:PORT]; "" is https://s3.amazonaws.com
	Region   string // "" is us-east-1
	Bucket   string
	Prefix   string // of all keys, without a slash at its begin; "" is none
	Style    string // "" is Auto

	Credentials Credentials
	Encryption  Encryption

	CAFile   string // certificates (PEM) of authorities that are trusted besides the system's
	CertFile string // client certificate and its key (PEM), read anew for every connection
	KeyFile  string
	Proxy    string // http://HOST:PORT, "" for none

	TempDir     string        // for files while they are uploaded; "" is the system's. It is made if it does not exist
	PartSize    int64         // bytes; larger files go up in parts of this size: 5 MiB to 5 GiB, 0 is 16 MiB
	Parts       int           // of one file at a time: 1 to 64, 0 is 4
	Timeout     time.Duration // longest silence of the server, in a connection or an answer: 0 is 1 min
	Connect     time.Duration // longest that connecting may take: 0 is 10 s
	Retries     int           // further tries after a failure that may pass: up to 10, 0 is 3, less than 0 is none
	Failures    int           // in a row that open the circuit: 0 is 5
	Pause       time.Duration // how long it stays open before a request is let through to try: 0 is 15 s
	PresignTime time.Duration // how long addresses for downloads are good: 1 s to 7 days, 0 is 5 min

	Transport http.RoundTripper // nil makes one; for tests
	Clock     func() time.Time  // nil is time.Now
}

// Where credentials come from, for Credentials.From.
const (
	FromKeys        = "keys"        // the fields
	FromEnvironment = "environment" // AWS_ACCESS_KEY_ID and its companions
	FromFile        = "file"        // the file of the AWS command line
	FromIAM         = "iam"         // the role of the machine, the task or the pod
	FromAmbient     = "ambient"     // the three above, the first that has any
	FromNobody      = "anonymous"   // requests are not signed
)

// Credentials say who asks. They print without the secrets.
type Credentials struct {
	From                               string // "" is FromKeys where there is an AccessKey, else FromAmbient
	AccessKey, SecretKey, SessionToken string
	File, Profile                      string // of FromFile; "" is what the AWS command line takes
	IAMEndpoint                        string // of FromIAM; "" is the one that the surroundings tell
}

// roleTimeout bounds a request for the credentials of a role.
const roleTimeout = 10 * time.Second

// Format prints the credentials without their secrets.
func (c Credentials) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{From:%s}", c.From) }

// How objects are encrypted by the server, for Encryption.Kind.
const (
	NoEncryption = "none"     // as the bucket itself says
	WithS3       = "s3"       // with a key that the server keeps (SSE-S3)
	WithKMS      = "kms"      // with a key of its key management service (SSE-KMS)
	WithCustomer = "customer" // with our key, which the server forgets after each request (SSE-C); needs https
)

// Encryption says how the server encrypts what it keeps. It prints without the key.
type Encryption struct {
	Kind   string // "" is NoEncryption
	KMSKey string // id of the key of WithKMS; "" is the account's own
	Key    string // of WithCustomer: 32 bytes in base64
}

// Format prints the encryption without the key.
func (e Encryption) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{Kind:%s}", e.Kind) }

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	c.Endpoint = cmp.Or(c.Endpoint, "https://s3.amazonaws.com")
	c.Region = cmp.Or(c.Region, "us-east-1")
	c.Style = cmp.Or(c.Style, Auto)
	if c.Prefix != "" && !strings.HasSuffix(c.Prefix, "/") {
		c.Prefix += "/"
	}
	if c.Credentials.From == "" {
		c.Credentials.From = FromAmbient
		if c.Credentials.AccessKey != "" {
			c.Credentials.From = FromKeys
		}
	}
	c.Encryption.Kind = cmp.Or(c.Encryption.Kind, NoEncryption)
	c.TempDir = cmp.Or(c.TempDir, os.TempDir())
	c.PartSize = cmp.Or(c.PartSize, 16<<20)
	c.Parts = cmp.Or(c.Parts, 4)
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	c.Connect = cmp.Or(c.Connect, 10*time.Second)
	c.Retries = max(0, cmp.Or(c.Retries, 3))
	c.Failures = cmp.Or(c.Failures, 5)
	c.Pause = cmp.Or(c.Pause, 15*time.Second)
	c.PresignTime = cmp.Or(c.PresignTime, 5*time.Minute)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

// Validate reports all faults together, as KindInvalid. It needs no defaults to be
// filled in.
func (c Config) Validate() error {
	retries := c.Retries
	c = c.WithDefaults()
	var faults []error
	wrong := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	u, err := url.Parse(c.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		wrong("endpoint must be https://HOST or https://HOST:PORT")
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		wrong("endpoint must be https://HOST or https://HOST:PORT, with nothing before or behind it")
	case u.Scheme == "http" && c.Encryption.Kind == WithCustomer:
		wrong("encryption with a key of one's own needs an endpoint with https")
	}
	if err := s3utils.CheckValidBucketName(c.Bucket); err != nil {
		wrong("bucket: %v", err)
	}
	if strings.ContainsFunc(c.Region, func(r rune) bool {
		return !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) || len(c.Region) > 64 {
		wrong("region is no name of a region")
	}
	if len(c.Prefix) > 512 || !utf8.ValidString(c.Prefix) || strings.HasPrefix(c.Prefix, "/") || strings.Contains(c.Prefix, "//") ||
		slices.ContainsFunc(strings.Split(c.Prefix, "/"), func(part string) bool { return part == "." || part == ".." }) {
		wrong("prefix must be words with slashes between them, up to 512 bytes")
	}
	if !slices.Contains([]string{Auto, Path, Virtual}, c.Style) {
		wrong("style must be auto, path or virtual")
	}
	faults = append(faults, c.Credentials.faults()...)
	if _, err := c.Encryption.serverSide(); err != nil {
		faults = append(faults, err)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		wrong("client certificate and key go together")
	}
	if p, err := url.Parse(c.Proxy); c.Proxy != "" && (err != nil || p.Host == "") {
		wrong("proxy must be http://HOST:PORT")
	}
	if c.PartSize < 5<<20 || c.PartSize > 5<<30 {
		wrong("parts must be of 5 MiB to 5 GiB")
	}
	if c.Parts < 1 || c.Parts > 64 {
		wrong("1 to 64 parts can be under way at a time")
	}
	if c.Timeout < 0 || c.Connect < 0 || c.Pause < 0 || c.Failures < 0 {
		wrong("times and numbers must not be negative")
	}
	if retries > 10 {
		wrong("up to 10 retries can be made")
	}
	if c.PresignTime < time.Second || c.PresignTime > 7*24*time.Hour {
		wrong("addresses for downloads can be good for 1 s to 7 days")
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "bucket of original files")
}

func (c Credentials) faults() (faults []error) {
	keys := c.AccessKey != "" || c.SecretKey != "" || c.SessionToken != ""
	switch c.From {
	case FromKeys:
		if c.AccessKey == "" || c.SecretKey == "" {
			faults = append(faults, errors.New("access key and secret key go together"))
		}
	case FromEnvironment, FromFile, FromIAM, FromAmbient, FromNobody:
		if keys {
			faults = append(faults, fmt.Errorf("keys are given, but the credentials come from %s", c.From))
		}
	default:
		faults = append(faults, errors.New("credentials come from keys, environment, file, iam, ambient or anonymous"))
	}
	return faults
}

// provider returns what gives the credentials; to is how it asks for those of a role.
func (c Credentials) provider(to http.RoundTripper) *credentials.Credentials {
	env, file := &credentials.EnvAWS{}, &credentials.FileAWSCredentials{Filename: c.File, Profile: c.Profile}
	iam := &credentials.IAM{Endpoint: c.IAMEndpoint, Client: &http.Client{Transport: to, Timeout: roleTimeout}}
	switch c.From {
	case FromKeys:
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	case FromEnvironment:
		return credentials.New(env)
	case FromFile:
		return credentials.New(file)
	case FromIAM:
		return credentials.New(iam)
	case FromAmbient:
		return credentials.NewChainCredentials([]credentials.Provider{env, file, iam})
	}
	return credentials.NewStatic("", "", "", credentials.SignatureAnonymous)
}

// serverSide returns the encryption as the library takes it, nil for none. Its error
// does not tell the key.
func (e Encryption) serverSide() (encrypt.ServerSide, error) {
	switch e.Kind {
	case "", NoEncryption:
		return nil, nil
	case WithS3:
		return encrypt.NewSSE(), nil
	case WithKMS:
		return encrypt.NewSSEKMS(e.KMSKey, nil)
	case WithCustomer:
		key, err := base64.StdEncoding.DecodeString(e.Key)
		if err != nil || len(key) != 32 {
			return nil, errors.New("the customer's key of the encryption must be 32 bytes in base64")
		}
		return encrypt.NewSSEC(key)
	}
	return nil, errors.New("encryption must be none, s3, kms or customer")
}
