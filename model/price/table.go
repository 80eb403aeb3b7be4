package price

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/smartretriever/smartretriever/rag"
)

// BuiltIn is the Source of prices that came with the program.
const BuiltIn = "built-in"

// SelfHosted is the provider of models on this machine or in a private network.
const SelfHosted = "self-hosted"

//go:embed prices.yaml
var builtIn []byte

// Table is a list of prices. The zero value knows none. It is immutable.
type Table struct {
	prices []Price // those of a later layer first
	hosts  []host
}

type host struct{ pattern, provider string }

// Default returns the table that came with the program.
func Default() Table {
	t, err := parse(builtIn, BuiltIn)
	if err != nil {
		panic("price: the built-in table: " + err.Error()) // a test reads it
	}
	return t
}

// maxTableBytes bounds a table.
const maxTableBytes = 1 << 20

// ReadFile reads a user's table. Errors are KindInvalid and name the file.
func ReadFile(path string) (Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return Table{}, rag.Wrap(rag.KindInvalid, err, "prices")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTableBytes+1))
	switch {
	case err != nil:
		return Table{}, rag.Wrap(rag.KindInvalid, err, "prices "+path)
	case len(data) > maxTableBytes:
		return Table{}, rag.Errorf(rag.KindInvalid, "prices %s: is larger than %d bytes", path, maxTableBytes)
	}
	return parse(data, path)
}

// Over returns t laid over below: where both know a model, t counts.
func (t Table) Over(below Table) Table {
	return Table{
		prices: append(t.prices[:len(t.prices):len(t.prices)], below.prices...),
		hosts:  append(t.hosts[:len(t.hosts):len(t.hosts)], below.hosts...),
	}
}

// Prices lists the prices that are in force: of those for the same provider and
// pattern only the uppermost.
func (t Table) Prices() []Price {
	seen := make(map[[2]string]bool, len(t.prices))
	var out []Price
	for _, p := range t.prices {
		at := [2]string{p.Provider, p.Model}
		if !seen[at] {
			seen[at] = true
			out = append(out, p)
		}
	}
	return out
}

// Find returns the price of a provider's model: of the uppermost layer that has a
// pattern that fits, the pattern with the most letters. ok is false, and the price
// Unknown, where there is none.
func (t Table) Find(provider, model string) (p Price, ok bool) {
	best := -1
	for i := range t.prices {
		q := &t.prices[i]
		if ok && q.Source != p.Source {
			break // a layer below
		}
		if q.Provider == provider && matches(q.Model, model) && letters(q.Model) > best {
			p, ok, best = *q, true, letters(q.Model)
		}
	}
	if !ok {
		return Unknown(provider, model), false
	}
	return p, true
}

// Provider returns who answers at the address of an API: a name from the table's
// hosts, SelfHosted for this machine and for private networks, or else the host.
func (t Table) Provider(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "unknown"
	}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	for _, h := range t.hosts {
		if matches(h.pattern, name) {
			return h.provider
		}
	}
	if private(name) {
		return SelfHosted
	}
	return name
}

// private reports whether a host is this machine or in a network of one's own.
func private(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().IsLoopback() || ip.Unmap().IsPrivate() || ip.Unmap().IsLinkLocalUnicast()
	}
	// A name without a dot is one of the local network or of a container beside.
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || !strings.Contains(name, ".") ||
		strings.HasSuffix(name, ".internal") || strings.HasSuffix(name, ".local")
}

// file is the YAML form of a table.
type file struct {
	AsOf     string            `yaml:"as_of"`
	Currency string            `yaml:"currency"`
	Hosts    map[string]string `yaml:"hosts"`
	Prices   []entry           `yaml:"prices"`
}

type entry struct {
	Provider    string   `yaml:"provider"`
	Models      []string `yaml:"models"`
	Embedding   decimal  `yaml:"embedding"`
	Input       decimal  `yaml:"input"`
	CachedInput decimal  `yaml:"cached_input"`
	Output      decimal  `yaml:"output"`
	Search      decimal  `yaml:"search"`
	Currency    string   `yaml:"currency"`
	AsOf        string   `yaml:"as_of"`
}

// decimal keeps a number as it is written, so that no price goes through a float.
type decimal string

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (d *decimal) UnmarshalYAML(text []byte) error {
	*d = decimal(strings.Trim(strings.TrimSpace(string(text)), `"'`))
	return nil
}

func (d decimal) rate() (Rate, error) {
	if d == "" {
		return Unset, nil
	}
	return ParseRate(string(d))
}

// maxEntries bounds a table's prices, patterns counted one by one.
const maxEntries = 10_000

// parse reads a table.
func parse(data []byte, source string) (Table, error) {
	var f file
	fault := func(format string, args ...any) (Table, error) {
		return Table{}, rag.Errorf(rag.KindInvalid, "prices (%s): %s", source, fmt.Sprintf(format, args...))
	}
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return fault("%v", err)
	}
	var t Table
	for pattern, provider := range f.Hosts {
		if _, _, err := net.SplitHostPort(pattern); err == nil || pattern == "" || provider == "" || strings.Contains(pattern, "/") {
			return fault("hosts: %q: %q is no host name and provider", pattern, provider)
		}
		t.hosts = append(t.hosts, host{pattern, provider})
	}
	// The pattern with the most letters is looked at first.
	slices.SortFunc(t.hosts, func(a, b host) int {
		return cmp.Or(letters(b.pattern)-letters(a.pattern), cmp.Compare(a.pattern, b.pattern))
	})
	for i, e := range f.Prices {
		at := fmt.Sprintf("prices[%d] (%s)", i, e.Provider)
		prices, err := e.prices(f, source)
		if err != nil {
			return fault("%s: %v", at, err)
		}
		if t.prices = append(t.prices, prices...); len(t.prices) > maxEntries {
			return fault("has more than %d prices", maxEntries)
		}
	}
	return t, nil
}

// prices turns an entry into a price for each of its patterns.
func (e *entry) prices(f file, source string) ([]Price, error) {
	p := Price{Provider: e.Provider, Currency: or(e.Currency, f.Currency), AsOf: or(e.AsOf, f.AsOf), Source: source}
	if e.Provider == "" || len(e.Models) == 0 {
		return nil, fmt.Errorf("needs a provider and models")
	}
	if len(p.Currency) != 3 || strings.ToUpper(p.Currency) != p.Currency {
		return nil, fmt.Errorf("currency %q; write three letters such as USD", p.Currency)
	}
	if _, err := time.Parse(time.DateOnly, p.AsOf); err != nil {
		return nil, fmt.Errorf("as_of %q is not a day; write 2026-01-31", p.AsOf)
	}
	any := false
	for _, field := range []struct {
		name string
		text decimal
		into *Rate
	}{
		{"embedding", e.Embedding, &p.Embedding}, {"input", e.Input, &p.Input}, {"cached_input", e.CachedInput, &p.CachedInput},
		{"output", e.Output, &p.Output}, {"search", e.Search, &p.Search},
	} {
		rate, err := field.text.rate()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.name, err)
		}
		*field.into = rate
		any = any || rate != Unset
	}
	if !any {
		return nil, fmt.Errorf("has no price")
	}
	out := make([]Price, len(e.Models))
	for i, m := range e.Models {
		if m == "" {
			return nil, fmt.Errorf("a model has no name")
		}
		out[i] = p
		out[i].Model = m
	}
	return out, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
