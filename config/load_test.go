package config_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/rag"
)

// home returns an environment whose home folder is empty, with more variables.
func home(t *testing.T, more config.Env) config.Env {
	t.Helper()
	env := config.Env{"HOME": t.TempDir(), "LOCALAPPDATA": t.TempDir(), "APPDATA": t.TempDir()}
	maps.Copy(env, more)
	return env
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreValid(t *testing.T) {
	c, err := config.Load(config.Sources{Env: home(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	if c.Data == "" || c.Collection != "default" || c.Retrieval.K != 10 || c.Cache.EmbeddingTTL != 24*time.Hour ||
		c.Limits.FileSize != 256<<20 || !c.QueryLog.Enabled || c.Server.Addr != "127.0.0.1:8000" || c.LLM.Name != "none" {
		t.Errorf("defaults: %+v", c)
	}
	if c.File() != "" {
		t.Errorf("a file was read: %s", c.File())
	}
	for _, s := range c.Settings() {
		if s.Origin.Layer != config.FromDefault {
			t.Errorf("%s comes from %s", s.Name, s.Origin)
		}
	}
}

func TestLaterSourcesWin(t *testing.T) {
	file := write(t, "c.yaml", `
log:
  level: debug
  format: json
retrieval: {k: 5, alpha: .25}
limits:
  file_size: 10MB
delete:
  retention: 7d
llm:
  model: 4
`)
	c, err := config.Load(config.Sources{
		File: file,
		Env:  home(t, config.Env{"SMARTRETRIEVER_RETRIEVAL_K": "6", "SMARTRETRIEVER_LOG_FORMAT": "text", "SMARTRETRIEVER_LLM_MODEL": ""}),
		Flags: []config.Flag{
			{Setting: "retrieval.k", Value: "7", As: "--set retrieval.k"},
			{Setting: "data", Value: "/d", As: "--data"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != "debug" || c.Log.Format != "text" || c.Retrieval.K != 7 || c.Retrieval.Alpha != .25 ||
		c.Limits.FileSize != 10_000_000 || c.Delete.Retention != 7*24*time.Hour || c.LLM.Model != "4" || c.Data != "/d" {
		t.Errorf("got %+v", c)
	}
	for name, want := range map[string]string{
		"log.level":       file + ":3",
		"log.format":      "environment SMARTRETRIEVER_LOG_FORMAT",
		"retrieval.k":     "flag --set retrieval.k",
		"retrieval.alpha": file + ":5",
		"retrieval.mode":  "default",
		"llm.model":       file + ":11",
		"data":            "flag --data",
	} {
		if got := c.Origin(name).String(); got != want {
			t.Errorf("%s comes from %q, want %q", name, got, want)
		}
	}
}

func TestFileIsFound(t *testing.T) {
	t.Run("by variable", func(t *testing.T) {
		file := write(t, "c.yaml", "collection: papers")
		c, err := config.Load(config.Sources{Env: home(t, config.Env{"SMARTRETRIEVER_CONFIG": file})})
		if err != nil || c.Collection != "papers" || c.File() != file {
			t.Errorf("collection %q, file %q, %v", c.Collection, c.File(), err)
		}
	})
	t.Run("by default path", func(t *testing.T) {
		env := home(t, nil)
		path := config.DefaultFile(env)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("collection: papers"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{Env: env})
		if err != nil || c.Collection != "papers" {
			t.Errorf("collection %q, %v", c.Collection, err)
		}
	})
	t.Run("named but absent", func(t *testing.T) {
		_, err := config.Load(config.Sources{File: filepath.Join(t.TempDir(), "no.yaml"), Env: home(t, nil)})
		if err == nil || !strings.Contains(err.Error(), "no.yaml: the configuration file cannot be read") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("without a home", func(t *testing.T) {
		_, err := config.Load(config.Sources{})
		if err == nil || !strings.Contains(err.Error(), "--data") {
			t.Errorf("got %v", err)
		}
	})
}

func TestFaults(t *testing.T) {
	tests := []struct {
		name  string
		file  string
		env   config.Env
		flags []config.Flag
		want  []string // in order; FILE stands for the file's path
	}{
		{name: "unknown in file", file: "llm:\n  modle: x\n", want: []string{"FILE:2: unknown setting llm.modle; did you mean llm.model?"}},
		{name: "unknown section", file: "limit:\n  file_size: 1MB\n", want: []string{"FILE:1: unknown setting limit"}},
		{name: "last part only", file: "base_url: http://x/v1\n", want: []string{"FILE:1: unknown setting base_url; did you mean embedder.base_url or rerank.base_url or llm.base_url?"}},
		{name: "unknown variable", env: config.Env{"SMARTRETRIEVER_LLM_MODLE": "x"}, want: []string{"environment SMARTRETRIEVER_LLM_MODLE: unknown setting; did you mean SMARTRETRIEVER_LLM_MODEL?"}},
		{name: "unknown flag setting", flags: []config.Flag{{Setting: "retrieval.kk", Value: "1", As: "--set retrieval.kk"}}, want: []string{"flag --set retrieval.kk: unknown setting retrieval.kk; did you mean retrieval.k?"}},
		{name: "service link variables are no fault", env: config.Env{"SMARTRETRIEVER_PORT": "tcp://10.0.0.1:80", "SMARTRETRIEVER_SERVICE_HOST": "10.0.0.1", "SMARTRETRIEVER_PORT_8000_TCP_ADDR": "10.0.0.1", "SMARTRETRIEVER_SERVICE_PORT_HTTP": "80"}},
		{name: "types", file: "retrieval:\n  k: many\n  alpha: high\n  timeout: 5 parsecs\nquery_log:\n  enabled: sometimes\nlimits:\n  file_size: big\n",
			want: []string{
				`FILE:2: retrieval.k: "many" is not a whole number`,
				`FILE:3: retrieval.alpha: "high" is not a number`,
				`FILE:4: retrieval.timeout: "5 parsecs" is not a duration`,
				`FILE:6: query_log.enabled: "sometimes" is neither true nor false`,
				`FILE:8: limits.file_size: "big" is not a size`,
			}},
		{name: "ranges", file: "retrieval:\n  k: 0\n  mode: psychic\ncache:\n  size: 1KiB\n",
			want: []string{"FILE:2: retrieval.k: 0 is out of range; from 1 to 1000 is allowed", `FILE:3: retrieval.mode: "psychic" is not known; write one of hybrid, vector, keyword`, "FILE:5: cache.size: 1KiB is out of range"}},
		{name: "shapes", file: "retrieval: 5\nlog:\n  level: [info]\nserver:\n  allowed_hosts: {a: b}\n  keys: secret\n",
			want: []string{"FILE:1: retrieval must hold settings", "FILE:3: log.level: wants a plain value", "FILE:5: server.allowed_hosts: wants a list", "FILE:6: server.keys: wants a list of entries"}},
		{name: "not a mapping", file: "- a\n- b\n", want: []string{"FILE:1: the file must hold settings"}},
		{name: "broken yaml", file: "a: [1, 2\nb: 3\n", want: []string{"not valid YAML"}},
		{name: "twice", file: "collection: a\ncollection: b\n", want: []string{"FILE:2: not valid YAML"}},
		{name: "two documents", file: "collection: a\n---\ncollection: b\n", want: []string{"more than one YAML document"}},
		{name: "all sources together", file: "log:\n  level: loud\n", env: config.Env{"SMARTRETRIEVER_RETRIEVAL_K": "x"}, flags: []config.Flag{{Setting: "collection", Value: "a b", As: "--collection"}},
			want: []string{"FILE:2: log.level", "environment SMARTRETRIEVER_RETRIEVAL_K: retrieval.k", "flag --collection: collection"}},
		{name: "secret by flag", flags: []config.Flag{{Setting: "llm.api_key", Value: "sk-verysecret", As: "--set llm.api_key"}}, want: []string{"a secret is not taken from the command line"}},
		{name: "llm without model", env: config.Env{"SMARTRETRIEVER_LLM_NAME": "openai", "SMARTRETRIEVER_LLM_BASE_URL": "localhost:8080"}, want: []string{"llm.model: is needed", "environment SMARTRETRIEVER_LLM_BASE_URL: llm.base_url: is not an address"}},
		{name: "embedder without model", env: config.Env{"SMARTRETRIEVER_EMBEDDER_NAME": "openai", "SMARTRETRIEVER_EMBEDDER_BASE_URL": "localhost:8080"}, want: []string{"embedder.model: is needed when embedder.name is openai", "environment SMARTRETRIEVER_EMBEDDER_BASE_URL: embedder.base_url: is not an address"}},
		{name: "embedder with key in address", file: "embedder: {name: openai, model: m, base_url: 'https://me:pass@host/v1', proxy: '::', send_dimensions: true}", want: []string{"embedder.base_url: holds a user name; give the key as embedder.api_key", "embedder.proxy: is not an address", "embedder.send_dimensions: needs embedder.dimensions"}},
		{name: "embedder with all", file: "embedder: {name: openai, model: m, base_url: 'http://127.0.0.1:11434/v1', dimensions: 768, query_prefix: 'search_query: ', passage_prefix: 'search_document: ', batch: 32, timeout: 10s, max_tokens: 2048}"},
		{name: "model of the built-in embedder", file: "embedder: {model: m}", want: []string{"embedder.model: is for another embedder.name; it is builtin"}},
		{name: "embedder that needs an address", file: "embedder: {name: tei, model: m}", want: []string{"embedder.base_url: is needed when embedder.name is tei"}},
		{name: "embedder with its own address", file: "embedder: {name: cohere, model: embed-v4.0}"},
		{name: "triton", file: "embedder: {name: triton, model: m, base_url: 'http://h:8000', dimensions: 8, send_dimensions: true, triton: {input: TEXT}}", want: []string{"embedder.send_dimensions: is not for triton"}},
		{name: "triton over gRPC", file: "embedder: {name: triton, model: m, base_url: 'grpcs://h:8001'}"},
		{name: "triton over another protocol", file: "embedder: {name: triton, model: m, base_url: 'tcp://h:8001'}", want: []string{"embedder.base_url: is not an address; write http://HOST:PORT or grpc://HOST:PORT"}},
		{name: "gRPC to others", file: "embedder: {name: tei, model: m, base_url: 'grpc://h:8001'}", want: []string{"embedder.base_url: is not an address; write http://HOST:PORT/v1"}},
		{name: "azure by token", file: "embedder: {name: azure, model: m, base_url: 'https://h.example', azure: {tenant: t, client_id: c, client_secret: s}}"},
		{name: "azure by half", file: "embedder: {name: azure, model: m, base_url: 'https://h.example', api_key: k, azure: {tenant: t, authority: login}}", want: []string{"embedder.azure.tenant: given beside embedder.api_key", "embedder.azure.client_id: is needed", "embedder.azure.client_secret: is needed", "embedder.azure.authority: is not an address"}},
		{name: "azure without a tenant", file: "embedder: {name: azure, model: m, base_url: 'https://h.example', azure: {client_id: c}}", want: []string{"embedder.azure.tenant: is needed beside embedder.azure.client_id"}},
		{name: "reranker", file: "rerank: {name: cohere, model: rerank-v3.5, top: 50, weight: 0.7, timeout: 1s}"},
		{name: "reranker without model", file: "rerank: {name: compatible, proxy: '::'}", want: []string{"rerank.model: is needed when rerank.name is compatible", "rerank.base_url: is needed", "rerank.proxy: is not an address"}},
		{name: "reranker with key in address", file: "rerank: {name: tei, model: m, base_url: 'https://me:pass@host'}", want: []string{"rerank.base_url: holds a user name; give the key as rerank.api_key"}},
		{name: "model of no reranker", file: "rerank: {model: m}", want: []string{"rerank.model: is for another rerank.name; it is none"}},
		{name: "embedder's key by flag", flags: []config.Flag{{Setting: "embedder.api_key", Value: "sk-verysecret", As: "--set embedder.api_key"}}, want: []string{"a secret is not taken from the command line"}},
		{name: "key in address", file: "llm: {name: openai, model: m, base_url: 'https://me:pass@host/v1'}", want: []string{"llm.base_url: holds a user name"}},
		{name: "overlap", file: "chunker: {size: 100, overlap: 100}", want: []string{"chunker.overlap: 100 must be less than chunker.size, 100"}},
		{name: "azure without what it needs", file: "llm: {name: azure, model: d}", want: []string{"llm.base_url: is needed when llm.name is azure", "llm.api_key: is needed when llm.name is azure, or llm.azure.tenant or token"}},
		{name: "azure with entra, in part", file: "llm: {name: azure, model: d, base_url: 'https://x.openai.azure.com', api_key: sk-verysecret, azure: {tenant: t, authority: here}}", want: []string{"llm.azure.tenant: given beside llm.api_key", "llm.azure.client_id: is needed", "llm.azure.client_secret: is needed", "llm.azure.authority: is not an address"}},
		{name: "azure with entra", file: "llm: {name: azure, model: d, base_url: 'https://x.openai.azure.com', azure: {tenant: t, client_id: c, client_secret: s}}"},
		{name: "azure with a token and a key", file: "llm: {name: azure, model: d, base_url: 'https://x.openai.azure.com', api_key: sk-verysecret, azure: {token: sk-verysecret}}", want: []string{"llm.azure.token: given beside"}},
		{name: "azure as a fallback", file: "llm: {name: ollama, model: m, fallbacks: [{name: azure, model: d, base_url: 'https://x.openai.azure.com', azure: {tenant: t, colour: red, authority: [a]}}]}", want: []string{"unknown setting azure.colour", "llm.fallbacks[0].azure.authority: wants a plain value", "llm.fallbacks[0].azure.client_id: is needed"}},
		{name: "providers that need a model only", file: "llm: {name: anthropic, model: m, fallbacks: [{name: gemini, model: m}, {name: cohere, model: m}, {name: ollama, model: m, keep_alive: 5m, num_ctx: 8192}]}"},
		{name: "fallbacks", file: "llm:\n  name: openai\n  model: m\n  fallbacks:\n  - {model: m}\n  - {name: ollama, num_ctx: many}\n  - {name: openai, model: m, base_url: here, timeout: 1s}\n  - {name: gemini, model: m, api_key: a, api_key_file: /nonexistent/key, colour: red}\n",
			want: []string{"FILE:6: llm.fallbacks[1].num_ctx: \"many\" is not a whole number", "FILE:8: llm.fallbacks[3]: unknown setting colour", "llm.fallbacks[3].api_key_file: given beside", "llm.fallbacks[0].name: is needed", "llm.fallbacks[1].model: is needed", "llm.fallbacks[2].first_token_timeout: 1m is longer", "llm.fallbacks[2].base_url: is not an address"}},
		{name: "temperature", file: "llm: {name: openai, model: m, temperature: 2, fallbacks: [{name: cohere, model: m, temperature: 1.5}]}", want: []string{"llm.fallbacks[0].temperature: 1.5 is more than 1"}},
		{name: "fallbacks of nothing", file: "llm: {fallbacks: [{name: ollama, model: m}]}", want: []string{"llm.fallbacks: there is nothing to fall back from"}},
		{name: "fallbacks by flag", flags: []config.Flag{{Setting: "llm.fallbacks", Value: "[]", As: "--set llm.fallbacks"}}, want: []string{"a list of entries is not taken from the command line"}},
		{name: "first token", file: "llm: {timeout: 1s}", want: []string{"llm.first_token_timeout: 1m is longer than llm.timeout, 1s"}},
		{name: "addr and origins", file: "server:\n  addr: here\n  cors_origins: ['https://a.example/x']\n", want: []string{"server.addr: \"here\" is not HOST:PORT", "server.cors_origins: \"https://a.example/x\" is not an origin"}},
		{name: "keys", file: "server:\n  keys:\n  - {key: 0123456789abcdef}\n  - {name: b, key: short}\n  - {name: c, key: 0123456789abcdef}\n  - {name: c}\n  - {name: d, secret: x}\n",
			want: []string{"FILE:7: server.keys[4]: unknown setting secret", "server.keys[0]: needs a name", "server.keys[1]: the key has 5 characters", "server.keys[2]: has the same key", "server.keys[3]: the name \"c\" is used twice", "server.keys[3]: needs key, key_file or sha256"}},
		{name: "open to others", env: config.Env{"SMARTRETRIEVER_SERVER_ADDR": "0.0.0.0:80"}, want: []string{"environment SMARTRETRIEVER_SERVER_ADDR: server.addr: 0.0.0.0:80 is reached by other machines"}},
		{name: "open to others on purpose", file: "server: {addr: ':80', open: true}"},
		{name: "secrets of sources", file: "sources:\n  secrets:\n  - {name: a, value: x}\n  - {name: a, value: y}\n  - {value: z}\n  - {name: b}\n  - {name: c, value: x, file: y}\n",
			want: []string{"sources.secrets[4].file: given beside sources.secrets[4].value", "sources.secrets[1]: the name \"a\" is used twice", "sources.secrets[2]: needs a name", "sources.secrets[3]: \"b\" needs value or file"}},
		{name: "digests", file: "server:\n  keys:\n  - {name: a, sha256: abc}\n  - {name: b, sha256: abc, key: 0123456789abcdef}\n", want: []string{"server.keys[0]: sha256 must have 64", "server.keys[1]: has sha256 beside a key"}},
		{name: "password in the address of Redis", file: "cache: {name: redis, redis: {addresses: ['redis://:pass@host:6379']}}", want: []string{"FILE:1: cache.redis.addresses: holds what is not HOST:PORT"}},
		{name: "the same without a scheme", file: "cache: {name: redis, redis: {addresses: ['pass@host:6379']}}", want: []string{"cache.redis.addresses: holds what is not HOST:PORT"}},
		{name: "password in the address of pgvector", file: "index: {vectors: pgvector, database: {url: 'postgres://me:pass@host:5432/vectors'}}", want: []string{"FILE:1: index.database.url: holds a password"}},
		{name: "password among keywords", file: "index: {vectors: pgvector, database: {url: 'host=h user=me password=verysecret'}}", want: []string{"index.database.url: holds a password"}},
		{name: "password behind the address", file: "index: {vectors: pgvector, database: {url: 'postgres://me@host/vectors?password=verysecret'}}", want: []string{"index.database.url: holds a password"}},
		{name: "password in the address of gRPC", file: "index: {vectors: weaviate, database: {url: 'http://h:8080', grpc_url: 'grpc://me:pass@h:50051'}}", want: []string{"index.database.grpc_url: holds a password"}},
		{name: "addresses without a password", file: "index: {vectors: pgvector, database: {url: 'postgres://me@[::1]:5432/vectors?sslmode=verify-full'}}"},
		{name: "missing secret file", file: "llm:\n  api_key_file: /nonexistent/key\n", want: []string{"FILE:2: llm.api_key_file: /nonexistent/key: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := config.Sources{Env: home(t, tt.env), Flags: tt.flags}
			if tt.file != "" {
				src.File = write(t, "c.yaml", tt.file)
			}
			_, err := config.Load(src)
			if len(tt.want) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no fault was reported")
			}
			if rag.KindOf(err) != rag.KindInvalid || !errors.Is(err, rag.ErrInvalid) {
				t.Errorf("kind %s", rag.KindOf(err))
			}
			rest := err.Error()
			if src.File != "" {
				rest = strings.ReplaceAll(rest, src.File+":", "FILE:")
			}
			if strings.Contains(rest, "verysecret") || strings.Contains(rest, "pass@") || strings.Contains(rest, "0123456789abcdef") {
				t.Errorf("a secret is shown: %s", rest)
			}
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("no %q (in order) in\n%v", want, err)
				}
				rest = after
			}
		})
	}
}

func TestYAMLFaultsShowNoLineOfTheFile(t *testing.T) {
	file := write(t, "c.yaml", "llm:\n  api_key: sk-verysecret\n  model: [\n")
	_, err := config.Load(config.Sources{File: file, Env: home(t, nil)})
	if err == nil || strings.Contains(err.Error(), "verysecret") {
		t.Errorf("got %v", err)
	}
}

func TestFallbacks(t *testing.T) {
	keyFile := write(t, "key", "sk-from-a-file\n")
	c, err := config.Load(config.Sources{
		File: write(t, "c.yaml", "llm:\n  name: openai\n  model: m\n  timeout: 3m\n"),
		Env: home(t, config.Env{
			"SMARTRETRIEVER_LLM_FALLBACKS": `[{"name": "gemini", "model": "g", "api_key_file": "` + keyFile + `"}, {"name": "ollama", "model": "o", "retries": 0, "timeout": "10m"}]`,
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.LLM.Fallbacks) != 2 {
		t.Fatalf("fallbacks %+v", c.LLM.Fallbacks)
	}
	g, o := c.LLM.Fallbacks[0], c.LLM.Fallbacks[1]
	if g.APIKey.Reveal() != "sk-from-a-file" || g.Retries != 2 || g.Timeout != 2*time.Minute || g.MaxTokens != 1024 || g.Azure.APIVersion != "2024-10-21" {
		t.Errorf("what an entry leaves out must have its default: %+v", g)
	}
	if o.Retries != 0 || o.Timeout != 10*time.Minute || c.LLM.Timeout != 3*time.Minute {
		t.Errorf("got %+v", o)
	}
	for _, s := range c.Settings() {
		if s.Name == "llm.fallbacks" && s.Value != "gemini/g, ollama/o" {
			t.Errorf("shown as %q", s.Value)
		}
	}
}

func TestSecretsFromFilesAndVariables(t *testing.T) {
	keyFile := write(t, "key", "sk-from-a-file\n")
	file := write(t, "c.yaml", "llm:\n  api_key_file: "+keyFile+"\n")
	c, err := config.Load(config.Sources{File: file, Env: home(t, config.Env{
		"SMARTRETRIEVER_SERVER_KEYS": `[{"name": "ci", "key": "abcdefghijklmnop", "principals": ["a", "b"], "admin": true}]`,
	})})
	if err != nil {
		t.Fatal(err)
	}
	if c.LLM.APIKey.Reveal() != "sk-from-a-file" {
		t.Errorf("key %q", c.LLM.APIKey.Reveal())
	}
	if len(c.Server.Keys) != 1 || c.Server.Keys[0].Key.Reveal() != "abcdefghijklmnop" || len(c.Server.Keys[0].Principals) != 2 || !c.Server.Keys[0].Admin {
		t.Errorf("keys %+v", c.Server.Keys)
	}
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, "sk-from") || strings.Contains(s.Value, "abcdef") {
			t.Errorf("%s shows a secret: %s", s.Name, s.Value)
		}
	}

	file = write(t, "c.yaml", "embedder:\n  api_key_file: "+keyFile+"\n")
	c, err = config.Load(config.Sources{File: file, Env: home(t, nil)})
	if err != nil || c.Embedder.APIKey.Reveal() != "sk-from-a-file" {
		t.Errorf("the embedder's key is %q, %v", c.Embedder.APIKey.Reveal(), err)
	}
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, "sk-from") {
			t.Errorf("%s shows a secret: %s", s.Name, s.Value)
		}
	}

	both := write(t, "c.yaml", "llm:\n  api_key: x\n  api_key_file: "+keyFile+"\n")
	if _, err := config.Load(config.Sources{File: both, Env: home(t, nil)}); err == nil || !strings.Contains(err.Error(), "give one of the two") {
		t.Errorf("both forms: %v", err)
	}
}

func FuzzLoadFile(f *testing.F) {
	f.Add("llm:\n  model: x\n")
	f.Add("server:\n  keys:\n  - {name: a, key: 0123456789abcdef}\n")
	f.Add("? {a: b}\n: [c, &d e, *d]\n<<: {x: y}\n")
	f.Add("retrieval: {k: !!str 5, timeout: |\n 5s\n}")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{File: path, Env: config.Env{"HOME": "/home/x", "LOCALAPPDATA": `C:\x`}})
		if err == nil && (c.Retrieval.K < 1 || c.Collection == "") {
			t.Errorf("accepted %+v", c.Retrieval)
		}
	})
}

// TestTesseractsVariable takes the folder of tesseract's languages from its own variable,
// where the setting does not say it.
func TestTesseractsVariable(t *testing.T) {
	for _, tt := range []struct {
		env  config.Env
		want string
	}{
		{config.Env{"TESSDATA_PREFIX": "/opt/tessdata"}, "/opt/tessdata"},
		{config.Env{"TESSDATA_PREFIX": "/opt/tessdata", config.EnvPrefix + "EXTRACT_OCR_DATA": "/srv/languages"}, "/srv/languages"},
		{config.Env{}, ""},
	} {
		tt.env["HOME"] = t.TempDir()
		c, err := config.Load(config.Sources{Env: tt.env})
		if err != nil || c.Extract.OCRData != tt.want {
			t.Errorf("%v: %q, %v", tt.env, c.Extract.OCRData, err)
		}
	}
}
