package config_test

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/config"
)

const serverSecret = "s3cret-of-a-server"

// TestDatabaseSettings takes servers as they are usually given, with passwords from files and from the environment, and shows none.
func TestDatabaseSettings(t *testing.T) {
	file := write(t, "password", serverSecret+"\n")
	c, err := config.Load(config.Sources{Env: home(t, config.Env{
		"SMARTRETRIEVER_STORE_NAME": "postgres", "SMARTRETRIEVER_STORE_POSTGRES_URL": "postgres://app:" + serverSecret + "@db:5432/sr", "SMARTRETRIEVER_STORE_POSTGRES_REPLICAS": "postgres://app:" + serverSecret + "@copy:5432/sr",
		"SMARTRETRIEVER_STORE_POSTGRES_PASSWORD_FILE": file,
		"SMARTRETRIEVER_CACHE_NAME":                   "redis", "SMARTRETRIEVER_CACHE_REDIS_ADDRESSES": "a:6379, b:6379", "SMARTRETRIEVER_CACHE_REDIS_PASSWORD_FILE": file,
		"SMARTRETRIEVER_INDEX_VECTORS": "pgvector", "SMARTRETRIEVER_INDEX_DATABASE_URL": "postgres://app@db:5432/sr", "SMARTRETRIEVER_INDEX_DATABASE_PASSWORD": serverSecret,
		"SMARTRETRIEVER_BLOBS_NAME": "s3", "SMARTRETRIEVER_BLOBS_BUCKET": "docs", "SMARTRETRIEVER_BLOBS_PROXY": "http://app:" + serverSecret + "@proxy:3128",
	})})
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Postgres.Password.Reveal() != serverSecret || c.Cache.Redis.Password.Reveal() != serverSecret || len(c.Cache.Redis.Addresses) != 2 || !strings.Contains(c.Blobs.Proxy, serverSecret) {
		t.Errorf("%+v, %+v", c.Store.Postgres, c.Cache.Redis)
	}
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, serverSecret) {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
		if s.Name == "blobs.proxy" && !strings.HasSuffix(s.Value, "@proxy:3128") {
			t.Errorf("%s shows %q", s.Name, s.Value)
		}
	}
}

func TestDatabaseFaults(t *testing.T) {
	for what, test := range map[string]struct {
		env  config.Env
		says string // the setting at fault; "" is fine
	}{
		"no address of the store":         {config.Env{"STORE_NAME": "postgres"}, "store.postgres.url"},
		"more idle than there are":        {config.Env{"STORE_POSTGRES_CONNECTIONS": "2", "STORE_POSTGRES_IDLE_CONNECTIONS": "3"}, "store.postgres.idle_connections"},
		"half a certificate":              {config.Env{"STORE_POSTGRES_TLS_CERT_FILE": "x"}, "store.postgres.tls.cert_file"},
		"no address of the cache":         {config.Env{"CACHE_NAME": "redis"}, "cache.redis.addresses"},
		"a URL of the cache":              {config.Env{"CACHE_NAME": "redis", "CACHE_REDIS_ADDRESSES": "redis://:" + serverSecret + "@host:6379"}, "cache.redis.addresses"},
		"a password of the cache":         {config.Env{"CACHE_NAME": "redis", "CACHE_REDIS_ADDRESSES": "a:6379," + serverSecret + "@host:6379"}, "cache.redis.addresses"},
		"a database of a cluster":         {config.Env{"CACHE_NAME": "redis", "CACHE_REDIS_ADDRESSES": "a:6379,b:6379", "CACHE_REDIS_DATABASE": "1"}, "cache.redis.database"},
		"half a certificate of the cache": {config.Env{"CACHE_REDIS_TLS_KEY_FILE": "x"}, "cache.redis.tls.cert_file"},
		"no address of vectors":           {config.Env{"INDEX_VECTORS": "qdrant"}, "index.database.url"},
		"no database beside the store":    {config.Env{"INDEX_VECTORS": "pgvector"}, "index.database.url"},
		"words of none":                   {config.Env{"INDEX_DATABASE_WORDS": "true"}, "index.database.words"},
		"no key":                          {config.Env{"INDEX_VECTORS": "pinecone"}, "index.database.api_key"},
		"a password of vectors":           {config.Env{"INDEX_VECTORS": "weaviate", "INDEX_DATABASE_URL": "https://me:" + serverSecret + "@host"}, "index.database.url"},
		"a token of vectors":              {config.Env{"INDEX_VECTORS": "qdrant", "INDEX_DATABASE_URL": serverSecret + "@host:6334"}, "index.database.url"},
		"a password beside them":          {config.Env{"INDEX_VECTORS": "weaviate", "INDEX_DATABASE_URL": "https://host", "INDEX_DATABASE_GRPC_URL": "me:" + serverSecret + "@host:50051"}, "index.database.grpc_url"},
		"a password in a URL":             {config.Env{"INDEX_VECTORS": "pgvector", "INDEX_DATABASE_URL": "postgres://app:" + serverSecret + "@db/sr"}, "index.database.url"},
		"one that is cut off":             {config.Env{"INDEX_VECTORS": "pgvector", "INDEX_DATABASE_URL": "postgres://app:a@" + serverSecret + "/#@db/sr"}, "index.database.url"},
		"a password behind a URL":         {config.Env{"INDEX_VECTORS": "pgvector", "INDEX_DATABASE_URL": "postgres://app@db/sr?password=" + serverSecret}, "index.database.url"},
		"a password among words":          {config.Env{"INDEX_VECTORS": "pgvector", "INDEX_DATABASE_URL": "host=db user=app password = " + serverSecret}, "index.database.url"},
		"no password among words":         {config.Env{"INDEX_VECTORS": "pgvector", "INDEX_DATABASE_URL": "host=db user=app"}, ""},
	} {
		faulty(t, what, "SMARTRETRIEVER_", test.env, test.says, serverSecret)
	}
}
