package main

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// placesVariable holds settings, one NAME=VALUE a line, that every program of these tests
// gets: where it keeps documents, vectors, results and originals. scripts/e2e-backends.sh
// sets it. "{}" in a value becomes a word of lower-case letters and digits that is the
// program's own: tests share servers, and nothing in them. Its name must not look like a
// setting of the program.
const placesVariable = "TEST_PLACES"

// places returns the settings for a new program, none where everything is kept in its
// data folder.
func places(t testing.TB) []string {
	t.Helper()
	word := make([]byte, 6)
	if _, err := rand.Read(word); err != nil {
		t.Fatal(err)
	}
	return placesOf(os.Getenv(placesVariable), "t"+hex.EncodeToString(word))
}

func placesOf(settings, word string) (env []string) {
	for line := range strings.Lines(settings) {
		if line = strings.TrimSpace(line); line != "" {
			env = append(env, strings.ReplaceAll(line, "{}", word))
		}
	}
	return env
}

// setting returns a setting of the servers, "" where it is not set.
func (p program) setting(name string) string {
	for _, s := range p.at {
		if value, ok := strings.CutPrefix(s, "SMARTRETRIEVER_"+name+"="); ok {
			return value
		}
	}
	return ""
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	same(t, "no places", placesOf("", "w"), nil)
	same(t, "places", placesOf("\nA=x{}y\n B=http://h/?a=b \n", "w"), []string{"A=xwy", "B=http://h/?a=b"})
}

// TestDocumentsOnAServer: a machine that has no data folder yet does not say that nothing was
// added where the documents are on a server.
func TestDocumentsOnAServer(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	if r := p.run("", "ls", "--data", "missing"); r.code != 3 || !strings.Contains(r.err, "nothing has been added yet") {
		t.Errorf("SQLite: %+v", r)
	}
	p.env = []string{"SMARTRETRIEVER_STORE_NAME=postgres", "SMARTRETRIEVER_STORE_POSTGRES_URL=postgres://sr@127.0.0.1:1/none?sslmode=disable"} // where nobody listens
	if r := p.run("", "ls", "--data", "missing"); r.code != 1 || strings.Contains(r.err, "nothing has been added") {
		t.Errorf("PostgreSQL: %+v", r)
	}
}
