package config_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/config"
)

const bucketSecret = "s3cret-of-the-bucket"

func TestBucketSettings(t *testing.T) {
	file := write(t, "key", bucketSecret+"\n")
	c, err := config.Load(config.Sources{Env: home(t, config.Env{
		"SMARTRETRIEVER_BLOBS_NAME": "s3", "SMARTRETRIEVER_BLOBS_BUCKET": "docs", "SMARTRETRIEVER_BLOBS_ENDPOINT": "https://s3.example.org:9000",
		"SMARTRETRIEVER_BLOBS_ACCESS_KEY": "access", "SMARTRETRIEVER_BLOBS_SECRET_KEY_FILE": file, "SMARTRETRIEVER_BLOBS_PRESIGN": "true",
	})})
	if err != nil {
		t.Fatal(err)
	}
	if b := c.Blobs; b.SecretKey.Reveal() != bucketSecret || b.AccessKey.Reveal() != "access" || !b.Presign || b.PresignFor != 5*time.Minute || b.PartSize != 16<<20 {
		t.Errorf("%+v", b)
	}
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, bucketSecret) || s.Name == "blobs.access_key" && s.Value == "access" {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
	}
}

func TestBucketFaults(t *testing.T) {
	for what, test := range map[string]struct {
		env  config.Env
		says string // the setting at fault; "" is fine
	}{
		"no bucket":           {config.Env{"NAME": "s3"}, "blobs.bucket"},
		"a bucket for none":   {config.Env{"BUCKET": "docs"}, "blobs.bucket"},
		"a folder":            {config.Env{"FOLDER": "/mnt/originals"}, ""},
		"a folder for none":   {config.Env{"NAME": "s3", "BUCKET": "docs", "FOLDER": "/mnt/originals"}, "blobs.folder"},
		"signed for none":     {config.Env{"PRESIGN": "true"}, "blobs.presign"},
		"what is around":      {config.Env{"NAME": "s3", "BUCKET": "docs"}, ""},
		"a path":              {config.Env{"NAME": "s3", "BUCKET": "docs", "ENDPOINT": "https://x/docs"}, "blobs.endpoint"},
		"a user":              {config.Env{"NAME": "s3", "BUCKET": "docs", "ENDPOINT": "https://a:" + bucketSecret + "@x"}, "blobs.endpoint"},
		"half a key":          {config.Env{"NAME": "s3", "BUCKET": "docs", "SECRET_KEY": bucketSecret}, "blobs.access_key"},
		"keys that are not":   {config.Env{"NAME": "s3", "BUCKET": "docs", "CREDENTIALS": "keys"}, "blobs.credentials"},
		"two ways":            {config.Env{"NAME": "s3", "BUCKET": "docs", "CREDENTIALS": "iam", "ACCESS_KEY": "a", "SECRET_KEY": bucketSecret}, "blobs.credentials"},
		"half a certificate":  {config.Env{"NAME": "s3", "BUCKET": "docs", "CERT_FILE": "x"}, "blobs.cert_file"},
		"no key to encrypt":   {config.Env{"NAME": "s3", "BUCKET": "docs", "ENCRYPTION": "customer"}, "blobs.encryption_key"},
		"a key that is none":  {config.Env{"NAME": "s3", "BUCKET": "docs", "ENCRYPTION": "customer", "ENCRYPTION_KEY": bucketSecret}, "blobs.encryption_key"},
		"a key for nothing":   {config.Env{"NAME": "s3", "BUCKET": "docs", "ENCRYPTION_KEY": bucketSecret}, "blobs.encryption_key"},
		"a key in clear":      {config.Env{"NAME": "s3", "BUCKET": "docs", "ENDPOINT": "http://x", "ENCRYPTION": "customer", "ENCRYPTION_KEY": strings.Repeat("A", 43) + "="}, "blobs.encryption"},
		"a key, and signed":   {config.Env{"NAME": "s3", "BUCKET": "docs", "PRESIGN": "true", "ENCRYPTION": "customer", "ENCRYPTION_KEY": strings.Repeat("A", 43) + "="}, "blobs.presign"},
		"a key":               {config.Env{"NAME": "s3", "BUCKET": "docs", "ENCRYPTION": "customer", "ENCRYPTION_KEY": strings.Repeat("A", 43) + "="}, ""},
		"a token alone":       {config.Env{"NAME": "s3", "BUCKET": "docs", "SESSION_TOKEN": bucketSecret}, "blobs.session_token"},
		"a key of management": {config.Env{"NAME": "s3", "BUCKET": "docs", "KMS_KEY": "x"}, "blobs.kms_key"},
	} {
		faulty(t, what, "SMARTRETRIEVER_BLOBS_", test.env, test.says, bucketSecret)
	}
}

// faulty has settings given by variables, whose names begin with prefix. says is the one that is at fault, "" for none; that is told without the secret.
func faulty(t *testing.T, what, prefix string, given config.Env, says, secret string) {
	t.Helper()
	env := config.Env{}
	for name, value := range given {
		env[prefix+name] = value
	}
	_, err := config.Load(config.Sources{Env: home(t, env)})
	faults, _ := errors.AsType[config.Faults](err)
	switch {
	case says == "" && err == nil:
	case says == "" || len(faults) != 1 || faults[0].Setting != says:
		t.Errorf("%s: %v", what, err)
	case strings.Contains(err.Error(), secret):
		t.Errorf("%s tells a secret: %v", what, err)
	}
}
