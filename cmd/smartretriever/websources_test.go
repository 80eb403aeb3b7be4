package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

// website is a server on loopback whose pages can be changed.
type website struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]string // by path; the type is told by how they begin
}

func newWebsite(t *testing.T) *website {
	w := &website{pages: map[string]string{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		page, ok := w.pages[r.URL.Path]
		if !ok {
			http.NotFound(rw, r)
			return
		}
		kind := "text/html; charset=utf-8"
		switch {
		case strings.HasPrefix(page, "<?xml"):
			kind = "application/xml"
		case strings.HasPrefix(page, "{"):
			kind = "application/json"
		}
		rw.Header().Set("Content-Type", kind)
		rw.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint(len(page), page[len(page)/2:len(page)/2+1])))
		if r.Header.Get("If-None-Match") == rw.Header().Get("ETag") {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(rw, page)
	}))
	t.Cleanup(w.Close)
	return w
}

// set puts a page there, or takes it away if it is empty.
func (w *website) set(path, page string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if page == "" {
		delete(w.pages, path)
		return
	}
	w.pages[path] = page
}

// page is HTML that says a text between menu and footer.
func page(title, text string, links ...string) string {
	var menu strings.Builder
	for _, l := range links {
		fmt.Fprintf(&menu, `<a href="%s">%s</a> `, l, l)
	}
	return fmt.Sprintf("<!doctype html><html lang=en><head><title>%s</title></head><body><nav>%s</nav><main><h1>%s</h1><p>%s</p></main><footer>Imprint</footer></body></html>",
		title, menu.String(), title, text)
}

// cites asks a question whose answer must be quoted from a document, which must have the
// quote where the citation says.
func (p program) cites(question, externalID, words string) {
	p.t.Helper()
	a := get[rag.Answer](p, "ask", question)
	if a.Refused || len(a.Citations) == 0 {
		p.t.Errorf("%s: %+v", question, a)
		return
	}
	c := a.Citations[0]
	if c.Document.ExternalID != externalID || !strings.Contains(c.Quote, words) {
		p.t.Errorf("%s: %s: %q", question, c.Document.ExternalID, c.Quote)
	}
	if text := p.ok("show", string(c.Document.ID)); !strings.Contains(text, c.Quote) {
		p.t.Errorf("the document does not hold the quote %q:\n%s", c.Quote, text)
	}
}

func newWebProgram(t *testing.T) program {
	p := newProgram(t)
	p.env = append(p.env, "SMARTRETRIEVER_SOURCES_ALLOW=127.0.0.1")
	return p
}

const quick = `requests_per_second: 1000` // YAML, as settings may be

func TestSiteAsSource(t *testing.T) {
	t.Parallel()
	w, p := newWebsite(t), newWebProgram(t)
	w.set("/", page("Harbour", "The harbour of Ostholm has three quays.", "/ferry", "/mill"))
	w.set("/ferry", page("Ferry", "The ferry to Lindau leaves at seven in the morning."))
	w.set("/mill", page("Mill", "The mill of Ostholm grinds barley since 1784."))

	if r := newProgram(t).run("", "add", "site:"+w.URL+"/"); r.code == 0 || !strings.Contains(r.err, "sources.allow") && !strings.Contains(r.err, "allow") {
		t.Errorf("a loopback address is read though nobody allowed it: %d %s", r.code, r.err)
	}
	p.ok("add", "site:"+w.URL+"/", "--settings", quick)
	same(t, "site", p.names(), []string{w.URL + "/", w.URL + "/ferry", w.URL + "/mill"})
	p.cites("When does the ferry to Lindau leave?", w.URL+"/ferry", "at seven")

	w.set("/ferry", page("Ferry", "The ferry to Lindau leaves at nine thirty in the evening now."))
	w.set("/mill", "")
	w.set("/", page("Harbour", "The harbour of Ostholm has three quays.", "/ferry", "/crane"))
	w.set("/crane", page("Crane", "The crane lifts forty tonnes at the northern quay."))
	if got := p.sync(0); !strings.HasSuffix(got, ": 1+ 2~ 0= 1- 0!") && !strings.HasSuffix(got, ": 1+ 1~ 1= 1- 0!") {
		t.Errorf("changed: %s", got)
	}
	same(t, "changed", p.names(), []string{w.URL + "/", w.URL + "/crane", w.URL + "/ferry"})
	p.cites("When does the ferry to Lindau leave?", w.URL+"/ferry", "nine thirty")
	if got := p.sync(0); !strings.HasSuffix(got, ": 0+ 0~ 3= 0- 0!") {
		t.Errorf("not changed: %s", got)
	}
}

func TestPageFeedAndAPIAsSources(t *testing.T) {
	t.Parallel()
	w, p := newWebsite(t), newWebProgram(t)
	w.set("/handbook", page("Handbook", "Lamps are trimmed by the keeper every evening.", "/other"))
	w.set("/other", page("Other", "Nobody asked for this page."))
	feed := func(text string) string {
		return `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><id>urn:x:news</id><updated>2026-01-02T03:04:05Z</updated>` +
			`<entry><id>` + w.URL + `/news/1</id><title>Whale</title><updated>2026-01-02T03:04:05Z</updated><link href="` + w.URL + `/news/1"/><content type="text">` + text + `</content></entry></feed>`
	}
	w.set("/atom", feed("A whale was seen near the lighthouse on Sunday."))
	w.set("/api", `{"items": [{"id": "7", "title": "Rope", "text": "Ropes are replaced after five years of service."}, {"id": "8", "title": "Bell", "text": "The bell is rung in fog."}]}`)

	p.ok("add", w.URL+"/handbook", "--settings", quick)
	p.ok("add", "feed:"+w.URL+"/atom", "--settings", quick)
	p.write("api.yaml", quick+"\nlist: items\nfields: {id: id, title: title, text: text}\n")
	p.ok("sources", "add", w.URL+"/api", "--kind", "rest", "--settings", "@api.yaml", "--name", "tickets")
	p.ok("sync", "tickets")
	same(t, "added", p.names(), []string{w.URL + "/handbook", w.URL + "/news/1", "tickets:7", "tickets:8"})
	p.cites("Who trims the lamps?", w.URL+"/handbook", "by the keeper")
	p.cites("Where was a whale seen?", w.URL+"/news/1", "near the lighthouse")
	p.cites("After how many years are ropes replaced?", "tickets:7", "five years")

	w.set("/handbook", "")
	w.set("/atom", feed("A whale and two dolphins were seen near the lighthouse on Monday."))
	w.set("/api", `{"items": [{"id": "7", "title": "Rope", "text": "Ropes are replaced after eleven years of service."}]}`)
	want := "127.0.0.1-atom: 0+ 1~ 0= 0- 0!, 127.0.0.1-handbook: 0+ 0~ 0= 1- 0!, tickets: 0+ 1~ 0= 1- 0!"
	if got := p.sync(0); got != want {
		t.Errorf("changed: %s, want %s", got, want)
	}
	same(t, "changed", p.names(), []string{w.URL + "/news/1", "tickets:7"})
	p.cites("After how many years are ropes replaced?", "tickets:7", "eleven years")
}
