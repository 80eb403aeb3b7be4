package config

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is what is read of deploy/compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Image       string
		Environment map[string]string
		Secrets     []string
		Volumes     []string
		Healthcheck struct{ Test []string }
		DependsOn   map[string]any `yaml:"depends_on"`
		Deploy      struct {
			Resources struct{ Limits struct{ CPUs, Memory string } }
		}
	}
	Volumes map[string]any
	Secrets map[string]struct{ File string }
}

const deployDir = "../deploy"

func readCompose(t *testing.T) (c composeFile, text string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployDir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Services) < 8 {
		t.Fatalf("read %d services", len(c.Services))
	}
	return c, string(data)
}

// TestCompose: what compose.yaml names is there, images have a version, and every service
// has a health check and limits.
func TestCompose(t *testing.T) {
	c, text := readCompose(t)
	made, err := os.ReadFile(filepath.Join(deployDir, "secrets.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		if _, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
			t.Errorf("%s: image %q has no version", name, s.Image)
		}
		if len(s.Healthcheck.Test) < 2 || s.Deploy.Resources.Limits.CPUs == "" || s.Deploy.Resources.Limits.Memory == "" {
			t.Errorf("%s: no health check, or no limits: %+v", name, s)
		}
		for other := range s.DependsOn {
			if _, ok := c.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for _, secret := range s.Secrets {
			if file := c.Secrets[secret].File; file != "./secrets/"+secret || !regexp.MustCompile(`\b`+secret+`\b`).Match(made) {
				t.Errorf("%s: the secret %s is the file %q, and secrets.sh has to make it", name, secret, file)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, named := c.Volumes[from]; named {
				continue
			}
			if _, err := os.Stat(filepath.Join(deployDir, from)); err != nil || !strings.HasPrefix(from, "./") {
				t.Errorf("%s: %q is neither a volume nor a file here", name, v)
			}
		}
	}
	for secret := range c.Secrets {
		if !slices.ContainsFunc([]string{"app1", "postgres", "pgbouncer", "postgres-replica", "redis", "s3"}, func(s string) bool { return slices.Contains(c.Services[s].Secrets, secret) }) {
			t.Errorf("nobody has the secret %s", secret)
		}
	}
	// A password in the file would be in version control.
	for _, m := range regexp.MustCompile(`://[^/\s]*:([^@/\s]+)@`).FindAllString(text, -1) {
		t.Errorf("an address with a password: %s", m)
	}
}

// TestComposeSettings loads the configuration as the services would: every variable is a
// setting, with values that go together.
func TestComposeSettings(t *testing.T) {
	c, _ := readCompose(t)
	folder := t.TempDir()
	for _, name := range []string{"app1", "app2"} {
		s := c.Services[name]
		if len(s.Environment) < 10 {
			t.Fatalf("%s: read %d variables", name, len(s.Environment))
		}
		env := Env{"SMARTRETRIEVER_DATA": "/data", "SMARTRETRIEVER_SERVER_ADDR": "0.0.0.0:8000"} // of the image
		for variable, value := range s.Environment {
			for _, secret := range s.Secrets {
				if strings.Contains(value, "/run/secrets/"+secret) {
					path := filepath.Join(folder, secret)
					content := "0123456789abcdef0123456789abcdef"
					if secret == "migrate_url" {
						content = "postgres://sr_owner:" + content + "@postgres:5432/smartretriever"
					}
					if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
						t.Fatal(err)
					}
					value = strings.ReplaceAll(value, "/run/secrets/"+secret, path)
				}
			}
			if strings.Contains(value, "/run/secrets/") {
				t.Errorf("%s: %s names a secret that the service has not", name, variable)
			}
			env[variable] = value
		}
		got, err := Load(Sources{Env: env})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got.Store.Name != "postgres" || !got.Store.Postgres.MigrateURL.IsSet() || !got.Store.Postgres.Password.IsSet() || len(got.Server.Keys) != 1 || !got.Server.Keys[0].Key.IsSet() {
			t.Errorf("%s: %+v", name, got.Store)
		}
	}
}
