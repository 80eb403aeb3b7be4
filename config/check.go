package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// minKeyBytes is the least length of an API key of the server: what 16 letters
// and digits hold is beyond guessing over a network.
const minKeyBytes = 16

// readSecretFiles fills in the secrets that are given by the path of a file.
func (l *loader) readSecretFiles() {
	l.readSecret("embedder.api_key", "embedder.api_key_file", &l.Embedder.APIKey, l.Embedder.APIKeyFile)
	l.readChatSecrets("llm", &l.LLM.ChatModel)
	for i := range l.LLM.Fallbacks {
		l.readChatSecrets(fallback(i), &l.LLM.Fallbacks[i])
	}
	l.readAzureSecrets("embedder", &l.Embedder.Azure)
	l.readSecret("rerank.api_key", "rerank.api_key_file", &l.Rerank.APIKey, l.Rerank.APIKeyFile)
	l.readSecret("routing.api_key", "routing.api_key_file", &l.Routing.APIKey, l.Routing.APIKeyFile)
	pg, redis, vectors := &l.Store.Postgres, &l.Cache.Redis, &l.Index.Database
	l.readSecret("store.postgres.url", "store.postgres.url_file", &pg.URL, pg.URLFile)
	l.readSecret("store.postgres.migrate_url", "store.postgres.migrate_url_file", &pg.MigrateURL, pg.MigrateFile)
	l.readSecret("store.postgres.password", "store.postgres.password_file", &pg.Password, pg.PasswordFile)
	l.readSecret("cache.redis.password", "cache.redis.password_file", &redis.Password, redis.PasswordFile)
	l.readSecret("index.database.api_key", "index.database.api_key_file", &vectors.APIKey, vectors.APIKeyFile)
	l.readSecret("index.database.password", "index.database.password_file", &vectors.Password, vectors.PasswordFile)
	b := &l.Blobs
	l.readSecret("blobs.access_key", "blobs.access_key_file", &b.AccessKey, b.AccessKeyFile)
	l.readSecret("blobs.secret_key", "blobs.secret_key_file", &b.SecretKey, b.SecretKeyFile)
	l.readSecret("blobs.session_token", "blobs.session_token_file", &b.SessionToken, b.SessionTokenFile)
	l.readSecret("blobs.encryption_key", "blobs.encryption_key_file", &b.EncryptionKey, b.EncryptionKeyFile)
	for i := range l.Sources.Secrets {
		s := &l.Sources.Secrets[i]
		at := fmt.Sprintf("sources.secrets[%d].", i)
		l.readSecret(at+"value", at+"file", &s.Value, s.File)
	}
	for i := range l.Server.Keys {
		k := &l.Server.Keys[i]
		at := fmt.Sprintf("server.keys[%d].", i)
		l.readSecret(at+"key", at+"key_file", &k.Key, k.KeyFile)
	}
}

func (l *loader) readSecret(name, fileName string, secret *Secret, path string) {
	if path == "" {
		return
	}
	if secret.IsSet() {
		l.fault(l.where(fileName), fileName, "given beside "+name+"; give one of the two")
		return
	}
	data, err := readBounded(path)
	if err != nil {
		l.fault(l.where(fileName), fileName, path+": "+reason(err))
		return
	}
	value := strings.TrimSpace(string(data))
	if value == "" || strings.ContainsAny(value, "\r\n") {
		l.fault(l.where(fileName), fileName, path+": must hold one line with the key")
		return
	}
	*secret = NewSecret(value)
}

// where returns the place a setting was given at, for faults.
func (l *loader) where(name string) string {
	if base, _, isEntry := strings.Cut(name, "["); isEntry {
		name = base
	}
	if o := l.Origin(name); o.Layer != FromDefault {
		return o.String()
	}
	return ""
}

// check reports what is wrong between settings or inside a value. Types, ranges
// and enumerations have been checked while reading.
func (l *loader) check() {
	wrong := func(name, format string, args ...any) {
		l.fault(l.where(name), name, fmt.Sprintf(format, args...))
	}
	if err := checkName(l.Collection); err != "" {
		wrong("collection", "%s", err)
	}
	if err := checkName(l.Tenant); err != "" {
		wrong("tenant", "%s", err)
	}
	if l.Chunker.Size > 0 && l.Chunker.Overlap >= l.Chunker.Size {
		wrong("chunker.overlap", "%d must be less than chunker.size, %d", l.Chunker.Overlap, l.Chunker.Size)
	}
	if l.Chunker.Unit == "characters" && l.Chunker.Name != "fixed" && l.Chunker.Name != "recursive" {
		wrong("chunker.unit", "characters are counted by fixed and recursive only; chunker.name is %s", l.Chunker.Name)
	}
	l.checkBlobs(wrong)
	l.checkEmbedder(wrong)
	l.checkLLM(wrong)
	l.checkRerank(wrong)
	l.checkEnrich(wrong)
	if host, _, err := net.SplitHostPort(l.Server.Addr); err != nil {
		wrong("server.addr", "%q is not HOST:PORT", l.Server.Addr)
	} else if !loopback(host) && len(l.Server.Keys) == 0 && !l.Server.Open {
		wrong("server.addr", "%s is reached by other machines, and no server.keys are configured; set keys, or server.open to let everyone in", l.Server.Addr)
	}
	for _, origin := range l.Server.CORSOrigins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" {
			wrong("server.cors_origins", "%q is not an origin; write https://app.example.com, without a path", origin)
		}
	}
	l.checkDatabases(wrong)
	l.checkKeys(wrong)
	l.checkSources(wrong)
	l.checkMoney(wrong)
}

func (l *loader) checkEmbedder(wrong func(name, format string, args ...any)) {
	e := l.Embedder
	if e.Name == "builtin" {
		if e.Model != "" {
			wrong("embedder.model", "is for another embedder.name; it is builtin")
		}
	} else if e.Model == "" {
		wrong("embedder.model", "is needed when embedder.name is %s", e.Name)
	}
	if e.Name == "onnx" && e.ONNX.Library == "" {
		wrong("embedder.onnx.library", "is needed when embedder.name is onnx: the path of libonnxruntime.so")
	}
	if e.Name == "builtin" || e.Name == "local" || e.Name == "onnx" {
		return
	}
	if e.BaseURL == "" && (e.Name == "azure" || e.Name == "tei" || e.Name == "triton") {
		wrong("embedder.base_url", "is needed when embedder.name is %s", e.Name)
	}
	err := checkURL(e.BaseURL, "embedder.api_key")
	if e.Name == "triton" {
		err = checkAddress(e.BaseURL, "embedder.api_key", "http://HOST:PORT or grpc://HOST:PORT, with TLS https:// or grpcs://", "http", "https", "grpc", "grpcs")
	}
	if e.BaseURL != "" && err != "" {
		wrong("embedder.base_url", "%s", err)
	}
	if err := checkProxy(e.Proxy); err != "" {
		wrong("embedder.proxy", "%s", err)
	}
	if _, _, err := e.Hedge(); err != nil {
		wrong("embedder.hedge_after", "%s", err)
	}
	if e.SendDimensions && e.Dimensions == 0 {
		wrong("embedder.send_dimensions", "needs embedder.dimensions, the number that vectors are cut to")
	}
	if e.SendDimensions && e.Name == "triton" {
		wrong("embedder.send_dimensions", "is not for triton, which has no way to ask for it")
	}
	if e.Name == "azure" {
		checkAzure("embedder", e.Azure, e.APIKey, wrong)
	}
}

// checkAzure checks the part of a section that is for Azure.
func checkAzure(section string, a Azure, key Secret, wrong func(name, format string, args ...any)) {
	at := section + ".azure."
	if a.Token.IsSet() && (a.Tenant != "" || key.IsSet()) {
		wrong(at+"token", "given beside %s.api_key or %stenant; give one of them", section, at)
	}
	if a.Tenant == "" {
		if a.ClientID != "" || a.ClientSecret.IsSet() {
			wrong(at+"tenant", "is needed beside %sclient_id", at)
		}
		return
	}
	if key.IsSet() {
		wrong(at+"tenant", "given beside %s.api_key; give one of the two", section)
	}
	if a.ClientID == "" {
		wrong(at+"client_id", "is needed beside %stenant", at)
	}
	if !a.ClientSecret.IsSet() && a.ClientSecretFile == "" {
		wrong(at+"client_secret", "is needed beside %stenant", at)
	}
	if err := checkURL(a.Authority, at+"client_secret"); err != "" {
		wrong(at+"authority", "%s", err)
	}
}

func (l *loader) checkRerank(wrong func(name, format string, args ...any)) {
	r := l.Rerank
	switch r.Name {
	case "none", "late":
		if r.Model != "" {
			wrong("rerank.model", "is for another rerank.name; it is %s", r.Name)
		}
		return
	}
	if r.Model == "" {
		wrong("rerank.model", "is needed when rerank.name is %s", r.Name)
	}
	if r.Name == "local" {
		return
	}
	if r.BaseURL == "" && (r.Name == "tei" || r.Name == "compatible") {
		wrong("rerank.base_url", "is needed when rerank.name is %s", r.Name)
	}
	if err := checkURL(r.BaseURL, "rerank.api_key"); r.BaseURL != "" && err != "" {
		wrong("rerank.base_url", "%s", err)
	}
	if err := checkProxy(r.Proxy); err != "" {
		wrong("rerank.proxy", "%s", err)
	}
}

func (l *loader) checkKeys(wrong func(name, format string, args ...any)) {
	seen := make(map[string]string, len(l.Server.Keys)) // secret -> name of the key
	taken := make(map[string]bool, len(l.Server.Keys))
	for i, k := range l.Server.Keys {
		at := fmt.Sprintf("server.keys[%d]", i)
		if k.Name == "" {
			wrong(at, "needs a name")
		} else if taken[k.Name] {
			wrong(at, "the name %q is used twice", k.Name)
		}
		taken[k.Name] = true
		value := k.Key.Reveal()
		switch other, twice := seen[value]; {
		case k.SHA256 != "" && (value != "" || k.KeyFile != ""):
			wrong(at, "has sha256 beside a key; give one of the two")
		case k.SHA256 != "":
			if _, err := hex.DecodeString(k.SHA256); err != nil || len(k.SHA256) != 64 {
				wrong(at, "sha256 must have 64 hexadecimal digits")
			}
		case value == "" && k.KeyFile == "":
			wrong(at, "needs key, key_file or sha256")
		case value == "":
			// the fault of its file has been reported
		case len(value) < minKeyBytes:
			wrong(at, "the key has %d characters; at least %d are needed", len(value), minKeyBytes)
		case twice:
			wrong(at, "has the same key as %q", other)
		default:
			seen[value] = k.Name
		}
	}
}

func (l *loader) checkSources(wrong func(name, format string, args ...any)) {
	taken := make(map[string]bool, len(l.Sources.Secrets))
	for i, s := range l.Sources.Secrets {
		at := fmt.Sprintf("sources.secrets[%d]", i)
		switch {
		case s.Name == "":
			wrong(at, "needs a name")
		case taken[s.Name]:
			wrong(at, "the name %q is used twice", s.Name)
		case !s.Value.IsSet() && s.File == "":
			wrong(at, "%q needs value or file", s.Name)
		}
		taken[s.Name] = true
	}
}

// loopback reports whether a host to listen on is reached from this machine only.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// checkName holds names of tenants and collections to what fits a URL and a
// table column; it returns what is wrong.
func checkName(name string) string {
	if name == "" || len(name) > 128 {
		return fmt.Sprintf("%.40q must have 1 to 128 characters", name)
	}
	for _, r := range name {
		if r <= ' ' || r == '/' || r == '\\' || r == 0x7f {
			return fmt.Sprintf("%q holds a space, a slash or a control character", name)
		}
	}
	return ""
}

// checkProxy returns what is wrong with the address of a proxy; none is fine.
func checkProxy(text string) string {
	if p, err := url.Parse(text); text != "" && (err != nil || p.Host == "") {
		return "is not an address; write http://HOST:PORT"
	}
	return ""
}

// checkURL returns what is wrong with the address of an API, whose key is given
// by the setting key.
func checkURL(text, key string) string {
	return checkAddress(text, key, "http://HOST:PORT/v1 or https://HOST/v1", "http", "https")
}

// checkAddress is checkURL for an address of one of the schemes, like the example.
func checkAddress(text, key, example string, schemes ...string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		return "is not an address; write " + example
	case u.User != nil:
		return "holds a user name; give the key as " + key
	case u.RawQuery != "" || u.Fragment != "":
		return "holds a query; write the address only"
	}
	return ""
}
