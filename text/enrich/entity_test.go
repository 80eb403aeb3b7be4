package enrich

import (
	"slices"
	"strings"
	"testing"
)

// labelled are sentences with the names in them, people | organisations | places. They
// were written for this test, before the rules were tried on them; what the rules do not
// find is among them, and so are words that look like names.
var labelled = []struct{ language, text, names string }{
	{"en", "Dr. Helen Parker of the University of Leeds met Robert Miller in Boston.", "Helen Parker, Robert Miller | University of Leeds | Boston"},
	{"en", "Acme Corp. sued Northwind Traders Ltd on Monday.", "| Acme Corp, Northwind Traders Ltd |"},
	{"en", "The European Commission and the World Bank agreed on a loan for Kenya.", "| European Commission, World Bank | Kenya"},
	{"en", "May sales rose in Paris, while April was weak in Reading.", "| | Paris, Reading"},
	{"en", "Mrs. Thompson flew from New York to Rio de Janeiro.", "Thompson | | New York, Rio de Janeiro"},
	{"en", "John F. Kennedy was born in Brookline.", "John F. Kennedy | | Brookline"},
	{"en", "The Ministry of Finance of Japan published its report.", "| Ministry of Finance | Japan"},
	{"en", "Sarah and Michael O'Brien founded Green Valley Foods Inc. in Texas.", "Sarah, Michael O'Brien | Green Valley Foods Inc | Texas"},
	{"en", "Professor Chen studies the Wilson Disease at the Max Planck Institute.", "Chen | Max Planck Institute |"},
	{"en", "Will you mark the page? Grace is a virtue. The Bank opened late.", "| |"},
	{"en", "Ludwig van Beethoven lived in Vienna; Vincent van Gogh in Arles.", "Ludwig van Beethoven, Vincent van Gogh | | Vienna, Arles"},
	{"en", "Siemens and Toyota opened a plant near Stuttgart, Germany.", "| Siemens, Toyota | Stuttgart, Germany"},
	{"en", "The President spoke on Tuesday. Chapter Three follows Table Two.", "| |"},
	{"en", "Contact Peter Schmidt, Head of Sales, or Maria Garcia.", "Peter Schmidt, Maria Garcia | |"},
	{"en", "Goldman Sachs advised Blue River Partners LLC; Thomas Anderson signed.", "Thomas Anderson | Goldman Sachs, Blue River Partners LLC |"},
	{"en", "Kovacs et al. reported results from Szeged.", "Kovacs | | Szeged"},
	{"en", "He joined Stanford University in California, then Oak Ridge Laboratories.", "| Stanford University, Oak Ridge Laboratories | California"},
	{"en", "Angela Merkel met Emmanuel Macron in Berlin on 3 March 2019.", "Angela Merkel, Emmanuel Macron | | Berlin"},
	{"en", "The Red Cross sent Dr. Amir Hassan to Yemen.", "Amir Hassan | Red Cross | Yemen"},
	{"en", "Einstein's theory changed physics.", "Einstein | |"},
	{"de", "Frau Dr. Sabine Krüger leitet die Müller Maschinenbau GmbH in Kassel.", "Sabine Krüger | Müller Maschinenbau GmbH | Kassel"},
	{"de", "Die Deutsche Bahn und die Siemens AG planen ein Werk in Leipzig.", "| Deutsche Bahn, Siemens AG | Leipzig"},
	{"de", "Herr Wagner sprach mit Thomas Becker über das Haus am See.", "Wagner, Thomas Becker | |"},
	{"de", "Die Universität Heidelberg und die Technische Universität München forschen gemeinsam.", "| Universität Heidelberg, Technische Universität München |"},
	{"de", "Im Mai fuhr Anna Schulz nach Österreich und in die Schweiz.", "Anna Schulz | | Österreich, Schweiz"},
	{"de", "Der Vertrag gilt ab Januar. Der Kunde zahlt den Preis in Euro.", "| |"},
	{"de", "Der Verein zur Förderung der Musik e.V. sitzt in Bremen.", "| Verein zur Förderung der Musik e.V | Bremen"},
	{"de", "Johann Wolfgang von Goethe starb in Weimar.", "Johann Wolfgang von Goethe | | Weimar"},
	{"de", "Das Bundesverfassungsgericht in Karlsruhe hob das Gesetz auf.", "| Bundesverfassungsgericht | Karlsruhe"},
	{"de", "Die Schneider & Söhne KG liefert Schrauben nach Polen.", "| Schneider & Söhne KG | Polen"},
	{"fr", "Madame Claire Dubois travaille chez Renault à Lyon.", "Claire Dubois | Renault | Lyon"},
	{"fr", "Pierre de la Fontaine et Jean Martin habitent Marseille.", "Pierre de la Fontaine, Jean Martin | | Marseille"},
	{"fr", "Le ministre a visité la Suisse en Avril. La Société a répondu.", "| | Suisse"},
	{"fr", "L'Université de Strasbourg collabore avec la Commission européenne.", "| Université de Strasbourg, Commission européenne |"},
	{"es", "El señor Carlos Fernández viajó de Madrid a Buenos Aires.", "Carlos Fernández | | Madrid, Buenos Aires"},
	{"es", "La Universidad de Salamanca firmó con Telefónica en España.", "| Universidad de Salamanca, Telefónica | España"},
	{"es", "Según María López, el precio subió en Perú.", "María López | | Perú"},
	{"it", "Il professor Marco Rossi insegna a Bologna.", "Marco Rossi | | Bologna"},
	{"it", "La Ferrero S.p.A. ha sede ad Alba, in Italia.", "| Ferrero S.p.A | Alba, Italia"},
	{"it", "Giuseppe Verdi nacque vicino a Parma.", "Giuseppe Verdi | | Parma"},
}

// TestEntities measures precision and recall on the labelled sentences. The figures
// stand in docs/enrichment.md.
func TestEntities(t *testing.T) {
	kinds := []string{"people", "organisations", "places"}
	right, found, there := make([]int, 3), make([]int, 3), make([]int, 3)
	for _, s := range labelled {
		d := document(s.language, s.text)
		got := entities(d.Prose(), d.wordList())
		for k, want := range strings.Split(s.names, "|") {
			var names []string
			for n := range strings.SplitSeq(want, ",") {
				if n = strings.TrimSpace(n); n != "" {
					names = append(names, n)
				}
			}
			list := [][]string{got.people, got.organisations, got.places}[k]
			there[k] += len(names)
			found[k] += len(list)
			for _, n := range list {
				if slices.Contains(names, n) {
					right[k]++
				} else {
					t.Logf("%s: %q is wrong in %q", kinds[k], n, s.text)
				}
			}
			for _, n := range names {
				if !slices.Contains(list, n) {
					t.Logf("%s: %q is missing in %q", kinds[k], n, s.text)
				}
			}
		}
	}
	for k, kind := range kinds {
		precision, recall := float64(right[k])/float64(max(1, found[k])), float64(right[k])/float64(there[k])
		t.Logf("%s: precision %.3f (%d of %d), recall %.3f (%d of %d)", kind, precision, right[k], found[k], recall, right[k], there[k])
		if precision < .9 || recall < .6 {
			t.Errorf("%s: precision %.3f, recall %.3f", kind, precision, recall)
		}
	}
}
