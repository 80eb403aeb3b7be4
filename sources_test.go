package smartretriever_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	smartretriever "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
	"github.com/smartretriever/smartretriever/source/folder"
)

// hashing is an embedder that costs nothing.
type hashing struct{}

func (hashing) Model() rag.Model            { return rag.Model{ID: "hashing", Dimensions: 8, MaxTokens: 512} }
func (hashing) CountTokens(text string) int { return len(strings.Fields(text)) }
func (hashing) Embed(_ context.Context, _ rag.EmbedKind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		sum := sha256.Sum256([]byte(text))
		out[i] = make([]float32, 8)
		var square float64
		for k := range out[i] {
			out[i][k] = float32(sum[k]) - 127.5
			square += float64(out[i][k]) * float64(out[i][k])
		}
		for k := range out[i] {
			out[i][k] /= float32(math.Sqrt(square))
		}
	}
	return out, nil
}

// place is a source that a test changes at will.
type place struct {
	mu          sync.Mutex
	items       map[string]string // content by id
	broken      map[string]bool
	incremental bool     // tells of changes since its cursor only
	log         []string // ids in order of change, for that
	blind       bool     // has no fingerprints
	failAt      int      // the whole fails after so many events, if > 0
	down        int      // so many readings of the whole fail at once
	fails       error
	puts        int                       // told of in all
	wait        func()                    // called before each event
	before      func(ctx context.Context) // called before a reading
}

func newPlace() *place { return &place{items: map[string]string{}, broken: map[string]bool{}} }

func (p *place) set(id, content string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items[id] = content
	p.log = append(p.log, id)
}

func (p *place) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.items, id)
	p.log = append(p.log, id)
}

func (p *place) Sync(ctx context.Context, have source.State, tell func(source.Event) error) (source.Result, error) {
	if p.before != nil {
		p.before(ctx)
	}
	p.mu.Lock()
	ids := slices.Sorted(maps.Keys(p.items))
	items, broken := maps.Clone(p.items), maps.Clone(p.broken)
	end, failAt, fails := len(p.log), p.failAt, p.fails
	if p.incremental {
		var from int
		if have.Cursor() != nil {
			if _, err := fmt.Sscan(string(have.Cursor()), &from); err != nil {
				return source.Result{}, err
			}
		}
		ids = slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
			for _, id := range p.log[from:] {
				if !yield(id, true) {
					return
				}
			}
		})))
	}
	if p.down > 0 {
		p.down--
		p.mu.Unlock()
		return source.Result{}, rag.Errorf(rag.KindUnavailable, "the place is down")
	}
	p.mu.Unlock()
	for n, id := range ids {
		if failAt > 0 && n == failAt {
			return source.Result{}, fails
		}
		if p.wait != nil {
			p.wait()
		}
		content, there := items[id]
		e := source.Event{ID: id, Change: source.Put, Input: rag.Input{Text: content, Source: "place of " + id, Name: id}}
		if !p.blind {
			sum := sha256.Sum256([]byte(content))
			e.Fingerprint = fmt.Sprintf("%x", sum[:8])
		}
		known, ok, err := have.Item(ctx, id)
		switch {
		case err != nil:
			return source.Result{}, err
		case !there:
			e = source.Event{ID: id, Change: source.Gone}
		case broken[id]:
			e = source.Event{ID: id, Change: source.Broken, Err: rag.Errorf(rag.KindUnauthorized, "is locked")}
		case ok && !known.Failed && e.Fingerprint != "" && known.Fingerprint == e.Fingerprint:
			e = source.Event{ID: id, Change: source.Same, Fingerprint: e.Fingerprint}
		default:
			p.mu.Lock()
			p.puts++
			p.mu.Unlock()
		}
		if err := tell(e); err != nil {
			return source.Result{}, err
		}
	}
	return source.Result{Complete: !p.incremental, Cursor: fmt.Append(nil, end)}, nil
}

// places is a data folder with sources of kind "place", by their settings' name.
type places struct {
	*smartretriever.Retriever
	t  *testing.T
	by map[string]*place
}

func openPlaces(t *testing.T, dir string, by map[string]*place) places {
	t.Helper()
	return places{t: t, by: by, Retriever: open(t, dir, func(c *smartretriever.Config) {
		c.Embedder = hashing{}
		c.OpenSource = func(_ context.Context, src rag.Source) (source.Source, error) {
			var settings struct{ Name string }
			if err := source.DecodeSettings(src.Kind, src.Settings, &settings); err != nil {
				return nil, err
			}
			if p := by[settings.Name]; p != nil {
				return p, nil
			}
			return nil, rag.Errorf(rag.KindInvalid, "there is no place %q", settings.Name)
		}
	})}
}

func spec(name string) rag.Source {
	return rag.Source{Name: name, Kind: "place", Settings: json.RawMessage(fmt.Sprintf(`{"name":%q}`, name))}
}

var admin = rag.Scope{Admin: true}

func (p places) add(name string) {
	p.t.Helper()
	if p.by[name] == nil {
		p.by[name] = newPlace()
	}
	if _, err := p.AddSource(p.t.Context(), admin, spec(name)); err != nil {
		p.t.Fatal(err)
	}
}

// sync reads a source, which must succeed, and returns the counts as text.
func (p places) sync(name string, opt rag.SyncOptions) string {
	p.t.Helper()
	sum, err := p.Sync(p.t.Context(), admin, name, opt, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return counts(sum)
}

func counts(s rag.SyncReport) string {
	var parts []string
	for _, n := range []struct {
		name string
		n    int
	}{{"added", s.Added}, {"updated", s.Updated}, {"unchanged", s.Unchanged}, {"skipped", s.Skipped}, {"deleted", s.Deleted}, {"failed", s.Failed}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.name))
		}
	}
	return strings.Join(parts, ", ")
}

// stored returns the texts of all documents by external id.
func (p places) stored() map[string]string {
	p.t.Helper()
	out := map[string]string{}
	var opt rag.ListOptions
	for {
		page, err := p.Documents(p.t.Context(), admin, opt)
		if errors.Is(err, rag.ErrNotFound) {
			return out
		}
		if err != nil {
			p.t.Fatal(err)
		}
		for _, d := range page.Items {
			text, err := p.Text(p.t.Context(), admin, d.ID, 0)
			if err != nil {
				p.t.Fatal(err)
			}
			out[d.ExternalID] = text.Content
		}
		if opt.Cursor = page.Next; opt.Cursor == "" {
			return out
		}
	}
}

func (p places) holds(what string, want map[string]string) {
	p.t.Helper()
	if got := p.stored(); !maps.Equal(got, want) {
		p.t.Errorf("%s: %v is stored, want %v", what, got, want)
	}
}

func (p places) says(what, got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestSync(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	at := p.by["a"]
	p.says("empty", p.sync("a", rag.SyncOptions{}), "")
	at.set("one", "First text.")
	at.set("https://x.test/two", "Second text.")
	at.set("empty", "")
	at.broken["three"] = true
	at.set("three", "Third text.")
	p.says("first", p.sync("a", rag.SyncOptions{}), "2 added, 1 skipped, 1 failed")
	p.holds("first", map[string]string{"a:one": "First text.", "https://x.test/two": "Second text."})
	at.puts = 0
	p.says("again", p.sync("a", rag.SyncOptions{}), "2 unchanged, 1 skipped, 1 failed")
	if at.puts != 0 {
		t.Errorf("%d items that had not changed were read", at.puts)
	}
	delete(at.broken, "three")
	at.set("one", "First text, changed.")
	at.remove("https://x.test/two")
	p.says("dry run", p.sync("a", rag.SyncOptions{DryRun: true}), "1 added, 1 updated, 1 skipped, 1 deleted")
	p.holds("after a dry run", map[string]string{"a:one": "First text.", "https://x.test/two": "Second text."})
	p.says("changed", p.sync("a", rag.SyncOptions{}), "1 added, 1 updated, 1 skipped, 1 deleted")
	p.holds("changed", map[string]string{"a:one": "First text, changed.", "a:three": "Third text."})

	src, err := p.Source(t.Context(), admin, "a")
	if err != nil || src.Items != 3 || src.Failing != 0 || src.LastReport.Added != 1 || src.LastError != "" || src.LastSuccess.IsZero() {
		t.Errorf("%+v, %v", src, err)
	}
	for what, text := range map[string]string{"deleted": "Second", "replaced": "First text."} {
		for _, h := range search(t, p.Retriever, admin, rag.Query{Text: text, Mode: rag.ModeKeyword}) {
			if strings.HasPrefix(h.Text, "Second") || h.Text == "First text." {
				t.Errorf("%s text is found: %q", what, h.Text)
			}
		}
	}
}

// Random histories of two sources that share documents end where a model says.
func TestHistoriesOfSources(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			dir := t.TempDir()
			p := openPlaces(t, dir, map[string]*place{})
			names := []string{"a", "b"}
			for i, name := range names {
				p.add(name)
				p.by[name].incremental = (int(seed)+i)%3 == 0
				p.by[name].blind = (int(seed)+i)%4 == 1
			}
			// held is what the last reading of each source that got to its end has found.
			held := map[string]map[string]string{"a": {}, "b": {}}
			last := map[string]string{} // content by external id: the last to be read counts
			for step := range 60 {
				name := names[rnd.IntN(2)]
				at := p.by[name]
				id := fmt.Sprint("own", rnd.IntN(12))
				if rnd.IntN(3) == 0 {
					id = fmt.Sprintf("/shared/%d", rnd.IntN(4))
				}
				switch rnd.IntN(8) {
				case 0, 1, 2, 3:
					content := fmt.Sprintf("Content number %d.", rnd.IntN(1000))
					if strings.HasPrefix(id, "/") {
						content = "What " + id + " says." // a shared place says one thing
					}
					at.set(id, content)
				case 4, 5:
					at.remove(id)
				case 6: // a reading that fails halfway deletes nothing
					at.failAt, at.fails = 1+rnd.IntN(5), errors.New("broken off")
					before := p.stored()
					_, err := p.Sync(t.Context(), admin, name, rag.SyncOptions{AllowEmpty: true}, nil)
					at.failAt = 0
					if err != nil {
						for id := range before {
							if _, ok := p.stored()[id]; !ok && !at.incremental {
								t.Fatalf("step %d: %s is gone after a reading that failed", step, id)
							}
						}
						continue
					}
				}
				if rnd.IntN(3) > 0 {
					continue
				}
				if rnd.IntN(6) == 0 { // as after a restart
					if err := p.Close(); err != nil {
						t.Fatal(err)
					}
					p = openPlaces(t, dir, p.by)
				}
				for _, name := range names {
					p.sync(name, rag.SyncOptions{AllowEmpty: true})
					held[name] = map[string]string{}
					for id, content := range p.by[name].items {
						external := name + ":" + id
						if strings.HasPrefix(id, "/") {
							external = id
						}
						held[name][external] = content
					}
				}
				clear(last)
				for _, name := range names {
					maps.Copy(last, held[name])
				}
				if got := p.stored(); !maps.Equal(got, last) {
					t.Fatalf("step %d: stored %v\nwant %v", step, got, last)
				}
			}
			for _, name := range names {
				if _, err := p.RemoveSource(t.Context(), admin, name, true); err != nil {
					t.Fatal(err)
				}
			}
			p.holds("after both are removed", map[string]string{})
		})
	}
}

func TestSyncThatFailsHalfway(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	at := p.by["a"]
	for i := range 6 {
		at.set(fmt.Sprint(i), fmt.Sprintf("Text %d.", i))
	}
	p.sync("a", rag.SyncOptions{})
	at.remove("0")
	at.set("1", "Changed.")
	at.set("5", "Changed too.")
	at.failAt, at.fails = 3, errors.New("the line was cut")
	sum, err := p.Sync(t.Context(), admin, "a", rag.SyncOptions{}, nil)
	if err == nil || !strings.Contains(err.Error(), "the line was cut") || counts(sum) != "1 updated, 2 unchanged" || sum.Complete || sum.Tries != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	got := p.stored()
	if len(got) != 6 || got["a:1"] != "Changed." || got["a:0"] == "" {
		t.Errorf("stored: %v", got)
	}
	if src, err := p.Source(t.Context(), admin, "a"); err != nil || !strings.Contains(src.LastError, "the line was cut") {
		t.Errorf("%+v, %v", src, err)
	}
	at.failAt, at.puts = 0, 0
	p.says("the next", p.sync("a", rag.SyncOptions{}), "1 updated, 4 unchanged, 1 deleted")
	if at.puts != 1 {
		t.Errorf("%d items were read; what the first reading had stored need not be", at.puts)
	}
}

// A disk that is not mounted is an empty folder.
func TestEmptyAllAtOnce(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	for i := range 12 {
		p.by["a"].set(fmt.Sprint(i), fmt.Sprintf("Text %d.", i))
	}
	p.sync("a", rag.SyncOptions{})
	clear(p.by["a"].items)
	if sum, err := p.Sync(t.Context(), admin, "a", rag.SyncOptions{}, nil); rag.KindOf(err) != rag.KindRefused || sum.Deleted != 0 || len(p.stored()) != 12 {
		t.Errorf("%+v, %v", sum, err)
	}
	p.says("allowed", p.sync("a", rag.SyncOptions{AllowEmpty: true}), "12 deleted")
}

func TestDeletedByHandStaysAway(t *testing.T) {
	for _, blind := range []bool{false, true} {
		p := openPlaces(t, t.TempDir(), map[string]*place{})
		p.add("a")
		at := p.by["a"]
		at.blind = blind
		at.set("x", "Text.")
		at.set("y", "Other.")
		remove := func() {
			t.Helper()
			d, err := p.FindDocument(t.Context(), admin, "a:x")
			if err == nil {
				err = p.DeleteDocument(t.Context(), admin, d.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		p.sync("a", rag.SyncOptions{})
		remove()
		for range 2 {
			p.says("the same", p.sync("a", rag.SyncOptions{}), "1 unchanged, 1 skipped")
			p.holds("the same", map[string]string{"a:y": "Other."})
		}
		at.set("x", "Changed.")
		p.says("changed", p.sync("a", rag.SyncOptions{}), "1 added, 1 unchanged")
		remove()
		p.says("asked for", p.sync("a", rag.SyncOptions{Again: true}), "1 added, 1 unchanged")
		remove()
		at.remove("x")
		p.says("gone", p.sync("a", rag.SyncOptions{}), "1 unchanged")
		at.set("x", "Changed.")
		p.says("come again", p.sync("a", rag.SyncOptions{}), "1 added, 1 unchanged")
	}
}

func TestOneReadingAtATime(t *testing.T) {
	dir := t.TempDir()
	by := map[string]*place{}
	p, other := openPlaces(t, dir, by), openPlaces(t, dir, by)
	p.add("a")
	at := by["a"]
	at.set("x", "Text.")
	tried := 0
	at.wait = func() {
		for _, r := range []places{p, other} {
			if _, err := r.Sync(t.Context(), admin, "a", rag.SyncOptions{}, nil); rag.KindOf(err) != rag.KindConflict {
				t.Errorf("while it is read: %v", err)
			}
			if _, err := r.RemoveSource(t.Context(), admin, "a", true); rag.KindOf(err) != rag.KindConflict {
				t.Errorf("removed while it is read: %v", err)
			}
			tried++
		}
	}
	p.says("the first", p.sync("a", rag.SyncOptions{}), "1 added")
	at.wait = nil
	p.says("the other", other.sync("a", rag.SyncOptions{}), "1 unchanged")
	if tried != 2 {
		t.Errorf("tried %d times", tried)
	}
}

func TestSyncIsCancelled(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	at := p.by["a"]
	for i := range 50 {
		at.set(fmt.Sprintf("%02d", i), fmt.Sprintf("Text %d.", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	at.wait = func() {
		if n++; n == 20 {
			cancel()
		}
	}
	if _, err := p.Sync(ctx, admin, "a", rag.SyncOptions{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	at.wait, at.puts = nil, 0
	stored := len(p.stored())
	p.says("the rest", p.sync("a", rag.SyncOptions{}), strings.TrimSuffix(fmt.Sprintf("%d added, %d unchanged", 50-stored, stored), ", 0 unchanged"))
	if at.puts > 50-stored {
		t.Errorf("%d were read, and %d were stored before", at.puts, stored)
	}
}

func TestSettingsOfSources(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{"a": newPlace(), "b": newPlace()})
	p.by["a"].set("x", "Text.")
	p.by["a"].items["x"] = "Text."
	for what, s := range map[string]rag.Source{
		"unknown kind":  {Name: "s", Kind: "none", Settings: json.RawMessage(`{}`)},
		"unknown place": spec("none"),
		"misspelt":      {Name: "s", Kind: "place", Settings: json.RawMessage(`{"nmae":"a"}`)},
		"no name":       {Kind: "place", Settings: spec("a").Settings},
		"relative":      {Name: "s", Kind: folder.Kind, Settings: folder.Settings{Path: "docs"}.JSON()},
	} {
		if _, err := p.AddSource(t.Context(), admin, s); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	remember := func(s rag.Source) string {
		t.Helper()
		made, err := p.RememberSource(t.Context(), admin, s)
		if err != nil {
			t.Fatal(err)
		}
		return made.Name
	}
	p.says("first", remember(spec("a")), "a")
	p.says("the same", remember(rag.Source{Name: "other", Kind: "place", Settings: json.RawMessage(`{ "name": "a" }`)}), "a")
	tagged := spec("a")
	tagged.Metadata, tagged.ACL = rag.Metadata{"team": rag.Str("sales")}, []string{"alice"}
	p.says("another way", remember(tagged), "a-2")
	p.says("a name that does not do", remember(rag.Source{Name: ".my papers/", Kind: "place", Settings: spec("b").Settings}), "my-papers")
	p.says("a folder", remember(rag.Source{Kind: folder.Kind, Settings: folder.Settings{Path: filepath.Join(t.TempDir(), "My notes")}.JSON()}), "My-notes")

	p.says("plain", p.sync("a", rag.SyncOptions{}), "1 added")
	find := func(external string) rag.Document {
		t.Helper()
		d, err := p.FindDocument(t.Context(), admin, external)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := find("a:x"); d.Metadata["team"].Text() != "" || len(d.ACL) != 0 || d.Source != "place of x" {
		t.Errorf("%+v", d)
	}
	// Other settings under the same name: what has not changed there is read again.
	tagged.Name = "a"
	if _, err := p.AddSource(t.Context(), admin, tagged); err != nil {
		t.Fatal(err)
	}
	p.says("tagged", p.sync("a", rag.SyncOptions{}), "1 updated")
	if d := find("a:x"); d.Metadata["team"].Text() != "sales" || !slices.Equal(d.ACL, []string{"alice"}) {
		t.Errorf("%+v", d)
	}
	if n, err := p.RemoveSource(t.Context(), admin, "a", false); n != 0 || err != nil || len(p.stored()) != 1 {
		t.Errorf("removed without documents: %d, %v", n, err)
	}
	if _, err := p.Sync(t.Context(), admin, "a", rag.SyncOptions{}, nil); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("sync of a removed source: %v", err)
	}
	list, err := p.Sources(t.Context(), admin)
	if err != nil || len(list) != 3 {
		t.Errorf("%d sources, %v", len(list), err)
	}
}

func TestImportAndEstimate(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{"a": newPlace()})
	at := p.by["a"]
	at.set("x", "Some words of text.")
	sum, cost, err := p.EstimateSource(t.Context(), admin, spec("a"), rag.SyncOptions{}, nil)
	if err != nil || counts(sum) != "1 added" || cost.Documents != 1 || cost.Tokens == 0 || len(p.stored()) != 0 {
		t.Errorf("%+v, %+v, %v", sum, cost, err)
	}
	if _, err := p.Collection(t.Context(), admin); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("an estimate makes the collection: %v", err)
	}
	for range 2 {
		if sum, err = p.ImportSource(t.Context(), admin, spec("a"), rag.SyncOptions{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	p.says("imported again", counts(sum), "1 unchanged")
	at.remove("x")
	at.set("y", "Other words.")
	sum, err = p.ImportSource(t.Context(), admin, spec("a"), rag.SyncOptions{}, nil)
	if err != nil || counts(sum) != "1 added" || len(p.stored()) != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	if list, err := p.Sources(t.Context(), admin); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestBackgroundReadings(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	p.add("b")
	p.by["a"].set("x", "Text of a.")
	p.by["b"].set("y", "Text of b.")
	read := make(chan string)
	for name, at := range p.by {
		at.before = func(ctx context.Context) {
			select {
			case read <- name:
			case <-ctx.Done():
			}
		}
	}
	job, err := p.StartSync(t.Context(), admin, "a", rag.SyncOptions{})
	if err != nil || job.Kind != rag.JobSync || job.Source != "a" {
		t.Fatal(job, err)
	}
	if twice, err := p.StartSync(t.Context(), admin, "a", rag.SyncOptions{}); err != nil || twice.ID != job.ID {
		t.Errorf("twice: %v, %v", twice.ID, err)
	}
	if _, err := p.StartSync(t.Context(), admin, "none", rag.SyncOptions{}); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("none: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { p.SyncSources(ctx, time.Hour) })
	if one, two := <-read, <-read; one == two {
		t.Errorf("%s was read twice", one)
	}
	cancel()
	all.Wait()
	if got := p.ended(job.ID); got.State != rag.JobDone || got.Progress.Items != 1 || got.Progress.Added != 1 || !got.Progress.Complete || got.Progress.Chunks != 1 {
		t.Errorf("%+v", got)
	}
	list, err := p.Jobs(t.Context(), admin, rag.JobQuery{})
	if err != nil || len(list.Items) != 2 {
		t.Fatal(list, err)
	}
	p.ended(list.Items[1].ID)
	p.holds("in the end", map[string]string{"a:x": "Text of a.", "b:y": "Text of b."})
	if page, err := p.Jobs(t.Context(), rag.Scope{Tenant: admin.Tenant, Collection: admin.Collection}, rag.JobQuery{}); err != nil || len(page.Items) != 0 {
		t.Errorf("seen by others: %+v, %v", page, err)
	}
}

// ended waits until a job has ended.
func (p places) ended(id rag.JobID) rag.Job {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		job, err := p.Job(p.t.Context(), admin, id)
		if err != nil || time.Now().After(end) {
			p.t.Fatal("a job does not end: ", job, err)
		}
		if job.State.Ended() {
			return job
		}
	}
}

// What fails is listed with the job, a failure of the whole is the job's own, and both may
// be tried again. A job that is cancelled has its source stop.
func TestSyncJobs(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	at := p.by["a"]
	at.set("x", "Text of x.")
	at.set("y", "Text of y.")
	at.broken["y"] = true
	start := func(opt rag.SyncOptions) rag.Job {
		t.Helper()
		job, err := p.StartSync(t.Context(), admin, "a", opt)
		if err != nil {
			t.Fatal(err)
		}
		return p.ended(job.ID)
	}
	job := start(rag.SyncOptions{})
	if got := job.Progress; job.State != rag.JobDone || got.Added != 1 || got.Failed != 1 || got.Done != 2 || got.Items != 2 {
		t.Errorf("%+v", job)
	}
	items, err := p.JobItems(t.Context(), admin, job.ID, []rag.AddState{rag.Failed}, rag.ListOptions{})
	if err != nil || len(items.Items) != 1 || items.Items[0].Input.ExternalID != "a:y" || items.Items[0].Error == "" {
		t.Errorf("%+v, %v", items, err)
	}
	at.broken["y"] = false
	if _, err := p.RetryJob(t.Context(), admin, job.ID); err != nil {
		t.Fatal(err)
	}
	if job = p.ended(job.ID); job.State != rag.JobDone || job.Progress.Added != 1 || job.Progress.Unchanged != 1 || job.Progress.Failed != 0 {
		t.Errorf("tried again: %+v", job)
	}
	if items, err = p.JobItems(t.Context(), admin, job.ID, nil, rag.ListOptions{}); err != nil || len(items.Items) != 0 {
		t.Errorf("%+v, %v", items, err)
	}

	begun := make(chan bool)
	at.before = func(ctx context.Context) {
		begun <- true
		<-ctx.Done()
	}
	if job, err = p.StartSync(t.Context(), admin, "a", rag.SyncOptions{}); err != nil {
		t.Fatal(err)
	}
	<-begun
	if _, err := p.CancelJob(t.Context(), admin, job.ID); err != nil {
		t.Fatal(err)
	}
	if job = p.ended(job.ID); job.State != rag.JobCancelled {
		t.Errorf("cancelled: %+v", job)
	}
	p.holds("in the end", map[string]string{"a:x": "Text of x.", "a:y": "Text of y."})
}

func TestFollowSource(t *testing.T) {
	p := openPlaces(t, t.TempDir(), map[string]*place{})
	p.add("a")
	p.by["a"].set("x", "Text.")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.md"), []byte("One."), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.AddSource(t.Context(), admin, rag.Source{Name: "files", Kind: folder.Kind, Settings: folder.Settings{Path: dir}.JSON()}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"a":     func() error { p.by["a"].set("x", "Changed."); return nil },
		"files": func() error { return os.WriteFile(filepath.Join(dir, "a.md"), []byte("Changed."), 0o600) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var seen []string
		err := p.FollowSource(ctx, admin, name, time.Millisecond, rag.SyncOptions{}, nil, func(sum rag.SyncReport, err error) {
			if err != nil {
				t.Error(err)
			}
			if sum.Added+sum.Updated > 0 {
				seen = append(seen, counts(sum))
			}
			switch {
			case sum.Added > 0:
				if err := change(); err != nil {
					t.Error(err)
				}
			case sum.Updated > 0:
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || strings.Join(seen, ", ") != "1 added, 1 updated" {
			t.Errorf("%s: %q, %v", name, seen, err)
		}
		cancel()
	}
	if err := p.FollowSource(t.Context(), admin, "none", time.Second, rag.SyncOptions{}, nil, nil); rag.KindOf(err) != rag.KindNotFound {
		t.Errorf("none: %v", err)
	}
}
