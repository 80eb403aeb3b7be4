// Package s3 reads the objects of a bucket behind the S3 protocol: at Amazon, or at
// any of the many servers and clouds that speak it.
//
// An item is an object, its ID the key. Every reading lists the bucket (version 2 of
// the listing, a page of up to 1,000 keys at a time) and asks for those objects only
// whose ETag, size or time has changed, when their content is wanted. Only the latest
// version of an object is seen.
//
//	s3.go    settings
//	wire.go  requests: lists that are what they seem, errors
//	sync.go  one reading
package s3

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/paths"
)

// How a bucket is addressed, for Settings.Style.
const (
	Auto    = "auto"    // Virtual at Amazon, Google and Alibaba, Path elsewhere
	Path    = "path"    // https://HOST/BUCKET/KEY
	Virtual = "virtual" // https://BUCKET.HOST/KEY
)

// Settings say which bucket is read, and what of it. They are kept as JSON.
//
// Of the embedded settings, RequestsPerSecond is 100 where it is 0 here and
// Concurrency 8, MaxBytes bounds an object, and Auth is not used. Redirects are not
// followed.
type Settings struct {
	fetch.Settings

	Endpoint string `json:"endpoint,omitempty"` // https://HOST[:PORT]; "" is https://s3.amazonaws.com
	Region   string `json:"region,omitempty"`   // "" is us-east-1
	Bucket   string `json:"bucket"`
	Style    string `json:"style,omitempty"` // "" is Auto

	// AccessKey, SecretKey and SessionToken name secrets; the last may be left out.
	AccessKey    string `json:"access_key,omitempty"`
	SecretKey    string `json:"secret_key,omitempty"`
	SessionToken string `json:"session_token,omitempty"`
	// Ambient takes the credentials that the program itself has instead: the usual
	// variables of its environment, the file of the AWS command line, the role of the
	// machine. The latter asks a metadata address, which Allow must name.
	Ambient bool `json:"ambient,omitempty"`
	// Anonymous signs nothing, for public buckets.
	Anonymous bool `json:"anonymous,omitempty"`

	Prefix  string   `json:"prefix,omitempty"`  // only keys that begin so
	Include []string `json:"include,omitempty"` // see package paths
	Exclude []string `json:"exclude,omitempty"`
	// Head asks for content type and user metadata of every new or changed object,
	// a request each.
	Head bool `json:"head,omitempty"`

	MaxObjects int `json:"max_objects,omitempty"` // that are wanted; a listing with more is cut off and nothing is taken to be gone; 0 is 100,000, at most 1,000,000

	Metadata map[string]string `json:"metadata,omitempty"` // of every item
	ACL      []string          `json:"acl,omitempty"`      // of every item
}

// WithDefaults fills in the zero fields.
func (s Settings) WithDefaults() Settings {
	s.RequestsPerSecond = cmp.Or(s.RequestsPerSecond, 100)
	s.Concurrency = cmp.Or(s.Concurrency, 8)
	s.Settings = s.Settings.WithDefaults()
	s.Endpoint = cmp.Or(s.Endpoint, "https://s3.amazonaws.com")
	s.Region = cmp.Or(s.Region, "us-east-1")
	s.Style = cmp.Or(s.Style, Auto)
	s.MaxObjects = cmp.Or(s.MaxObjects, 100_000)
	return s
}

// Validate reports all faults together, as KindInvalid.
func (s Settings) Validate() error {
	f := fetch.Faults(s.Faults())
	s = s.WithDefaults()
	f.URL("endpoint", s.Endpoint)
	if u, err := url.Parse(s.Endpoint); err == nil && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "") {
		f.Add("endpoint must be https://HOST or https://HOST:PORT, without a path")
	}
	if err := s3utils.CheckValidBucketName(s.Bucket); err != nil {
		f.Add("bucket: %v", err)
	}
	if !slices.Contains([]string{Auto, Path, Virtual}, s.Style) {
		f.Add("style must be auto, path or virtual")
	}
	if strings.ContainsFunc(s.Region, func(r rune) bool {
		return !(r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) || len(s.Region) > 64 {
		f.Add("region is no name of a region")
	}
	if (s.AccessKey == "") != (s.SecretKey == "") {
		f.Add("access_key and secret_key go together; both name a secret")
	}
	if s.SessionToken != "" && s.AccessKey == "" {
		f.Add("session_token goes with access_key and secret_key")
	}
	ways := 0
	for _, way := range []bool{s.AccessKey != "", s.Ambient, s.Anonymous} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		f.Add("give either access_key and secret_key, or ambient, or anonymous")
	}
	if len(s.Auth) > 0 {
		f.Add("auth is not for buckets; give access_key and secret_key")
	}
	if len(s.Prefix) > 1024 || !utf8.ValidString(s.Prefix) {
		f.Add("prefix is longer than 1024 bytes or no text")
	}
	_, bad := paths.New(s.Include, s.Exclude)
	f = append(f, bad...)
	f.Between("max_objects", int64(s.MaxObjects), 1, 1_000_000)
	if err := fetch.Metadata(s.Metadata).Validate(); err != nil {
		f.Add("metadata: %v", err)
	}
	return f.Err()
}

// Source reads a bucket. It is goroutine-safe.
type Source struct {
	set    Settings
	client *fetch.Client
	filter paths.Filter
	api    *minio.Core
	shape  string // of everything in the settings that items depend on
}

var _ source.Source = (*Source)(nil)

// New returns a source, or an error as fetch.New does; KindRefused also for Ambient
// where Deps.Locked is set, since what the program itself may read is not for those
// who write settings. It connects to nothing.
func New(settings Settings, deps fetch.Deps) (*Source, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	set := settings.WithDefaults()
	if deps.Locked && set.Ambient {
		return nil, rag.Errorf(rag.KindRefused, "ambient would lend the program's own credentials, which whoever runs this server does not allow")
	}
	client, err := fetch.New(set.Settings, deps)
	if err != nil {
		return nil, err
	}
	s := &Source{set: set, client: client}
	s.filter, _ = paths.New(set.Include, set.Exclude) // the patterns have been checked with the settings
	creds, err := s.credentials()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(set.Endpoint)
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "endpoint is malformed")
	}
	s.api, err = minio.NewCore(u.Host, &minio.Options{
		Creds: creds, Secure: u.Scheme == "https", Region: set.Region, Transport: &wire{to: client.Transport(), set: set},
		BucketLookup: map[string]minio.BucketLookupType{Auto: minio.BucketLookupAuto, Path: minio.BucketLookupPath, Virtual: minio.BucketLookupDNS}[set.Style],
		MaxRetries:   1, // the transport tries again
	})
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "endpoint")
	}
	s.shape = fetch.Digest(set.Endpoint, set.Bucket, set.Head, set.Metadata, set.ACL)
	return s, nil
}

func (s *Source) credentials() (*credentials.Credentials, error) {
	switch {
	case s.set.Anonymous:
		return credentials.NewStaticV4("", "", ""), nil
	case s.set.Ambient:
		return credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}}), nil
	}
	var values [3]string
	for i, name := range []string{s.set.AccessKey, s.set.SecretKey, s.set.SessionToken} {
		if name == "" {
			continue
		}
		var err error
		if values[i], err = s.client.Secret([]string{"access_key", "secret_key", "session_token"}[i], name); err != nil {
			return nil, err
		}
	}
	return credentials.NewStaticV4(values[0], values[1], values[2]), nil
}
