package config

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// checkBlobs checks what settings of the bucket say of each other.
func (l *loader) checkBlobs(wrong func(name, format string, args ...any)) {
	b := l.Blobs
	if b.Name == "s3" && b.Folder != "" {
		wrong("blobs.folder", "is for blobs.name folder; it is s3")
	}
	if b.Name != "s3" {
		for name, set := range map[string]bool{"blobs.bucket": b.Bucket != "", "blobs.presign": b.Presign} {
			if set {
				wrong(name, "is for blobs.name s3; it is %s", b.Name)
			}
		}
		return
	}
	if b.Bucket == "" {
		wrong("blobs.bucket", "is needed when blobs.name is s3")
	}
	if b.Endpoint != "" {
		if err := checkAddress(b.Endpoint, "blobs.access_key", "https://HOST or https://HOST:PORT", "http", "https"); err != "" {
			wrong("blobs.endpoint", "%s", err)
		} else if u, err := url.Parse(b.Endpoint); err == nil && strings.Trim(u.Path, "/") != "" {
			wrong("blobs.endpoint", "holds a path; give the bucket as blobs.bucket and what follows as blobs.prefix")
		}
	}
	access, secret := b.AccessKey.IsSet() || b.AccessKeyFile != "", b.SecretKey.IsSet() || b.SecretKeyFile != ""
	switch {
	case access != secret:
		wrong("blobs.access_key", "and blobs.secret_key go together")
	case b.Credentials == "keys" && !access:
		wrong("blobs.credentials", "keys needs blobs.access_key and blobs.secret_key")
	case b.Credentials != "" && b.Credentials != "keys" && access:
		wrong("blobs.credentials", "is %s, but keys are given; give one of the two", b.Credentials)
	}
	if b.SessionToken.IsSet() && !access {
		wrong("blobs.session_token", "goes with blobs.access_key and blobs.secret_key")
	}
	if (b.CertFile == "") != (b.KeyFile == "") {
		wrong("blobs.cert_file", "and blobs.key_file go together")
	}
	if err := checkProxy(b.Proxy); err != "" {
		wrong("blobs.proxy", "%s", err)
	}
	if b.KMSKey != "" && b.Encryption != "kms" {
		wrong("blobs.kms_key", "is for blobs.encryption kms; it is %s", b.Encryption)
	}
	l.checkBlobKey(wrong)
}

// checkBlobKey checks the key that files are encrypted with, and what it forbids.
func (l *loader) checkBlobKey(wrong func(name, format string, args ...any)) {
	b := l.Blobs
	key, err := base64.StdEncoding.DecodeString(b.EncryptionKey.Reveal())
	switch {
	case b.Encryption != "customer":
		if b.EncryptionKey.IsSet() {
			wrong("blobs.encryption_key", "is for blobs.encryption customer; it is %s", b.Encryption)
		}
		return
	case !b.EncryptionKey.IsSet() && b.EncryptionKeyFile == "":
		wrong("blobs.encryption_key", "is needed when blobs.encryption is customer")
	case b.EncryptionKey.IsSet() && (err != nil || len(key) != 32):
		wrong("blobs.encryption_key", "must be 32 bytes in base64")
	}
	if strings.HasPrefix(b.Endpoint, "http://") {
		wrong("blobs.encryption", "customer sends the key to the server, and needs https")
	}
	if b.Presign {
		wrong("blobs.presign", "does not go with blobs.encryption customer: the key would have to be sent along")
	}
}
