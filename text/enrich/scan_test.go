package enrich

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestDates(t *testing.T) {
	for _, tt := range []struct{ language, text, want string }{
		{"en", "On 2024-03-05 and 2024/03/06, at 2024-03-07T10:00:00Z.", "2024-03-05 2024-03-06 2024-03-07"},
		{"en", "signed March 5, 2024; 6 March 2024; 7th of March, 2024; Mar. 8, 2024; 9-Mar-2024", "2024-03-05 2024-03-06 2024-03-07 2024-03-08 2024-03-09"},
		{"en", "since March 2024 and Sept. 2023", "2023-09 2024-03"},
		{"en", "12/25/2024 or 25/12/2023, but 03/04/2024 is either", "2023-12-25 2024-12-25"},
		{"de", "am 5. März 2024, am 05.03.2023, 5.3.2022, im Dezember 2021, den 1. Jänner 2020", "2020-01-01 2021-12 2022-03-05 2023-03-05 2024-03-05"},
		{"fr", "le 1er mars 2024, le 14 juillet 1789, 03/04/2024, en août 2023", "1789-07-14 2023-08 2024-03-01 2024-04-03"},
		{"es", "el 5 de marzo de 2024 y el 6 de septiembre del 2023, 03/04/2024", "2023-09-06 2024-03-05 2024-04-03"},
		{"it", "il 5 marzo 2024, 1º maggio 2023", "2023-05-01 2024-03-05"},
		{"en", "29 February 2024 was, 29 February 2023 was not; 31.04.2024, 2024-13-01, 0024-01-01", "2024-02-29"},
		{"en", "version 1.2.2024.7, 10.1.2.3, 192.168.1.2024, call 555-12-2024x, id A2024-01-01, 12024-01-01", ""},
		{"en", "it may 2,000 times, mars 5", ""},
		{"en", "", ""},
	} {
		if got := strings.Join(dates(tt.text, tt.language), " "); got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.language, tt.text, got, tt.want)
		}
	}
	m := Dates().(stage).find(document("en", "from 2020-01-02 to 2021-03-04"))
	if m[KeyEarliest].Text() != "2020-01-02" || m[KeyLatest].Text() != "2021-03-04" {
		t.Error(m)
	}
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct{ text, emails, domains string }{
		{"Write to Jane.Doe+x@Example.co.uk, or <info@example.org>.", "jane.doe+x@example.co.uk info@example.org", ""},
		{"mailto:a@b.de; o'neil@example.com", "a@b.de o'neil@example.com", ""},
		{"@home a@b foo@bar.invalidtld x@@example.com .@example.com a..b@example.com üser@example.com", "", ""},
		{"see https://www.example.com/a?b, http://user:pw@sub.example.de:8080/ and www.example.fr.", "", "example.com sub.example.de example.fr"},
		{"http://localhost:80 https://192.168.1.1/ http:// www. wwwexample.com", "", ""},
		{"ftp://ftp.example.org/pub HTTPS://EXAMPLE.NET", "", "ftp.example.org example.net"},
		{strings.Repeat("a", 65) + "@example.com", "", ""},
	} {
		if got := strings.Join(emails(tt.text), " "); got != tt.emails {
			t.Errorf("%q: e-mails %q, want %q", tt.text, got, tt.emails)
		}
		if got := strings.Join(domains(tt.text), " "); got != tt.domains {
			t.Errorf("%q: domains %q, want %q", tt.text, got, tt.domains)
		}
	}
}

func TestMoney(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"It costs $1,250.50 or €99, US$ 3 million, £2.5bn.", "1250.5 USD, 99 EUR, 3000000 USD, 2500000000 GBP"},
		{"Der Preis: 1.250,50 EUR, 3 Mio. €, 1,5 Milliarden Euro, CHF 12'500.–", "1250.5 EUR, 3000000 EUR, 1500000000 EUR, 12500 CHF"},
		{"Le prix : 1 250,50 €, 2 millions d'euros, 3 millions de dollars", "1250.5 EUR, 3000000 USD"},
		{"cuesta 3 millones de euros, 20 euros", "3000000 EUR, 20 EUR"},
		{"EUR 5, 10 USD, A$7, 100 ¥", "5 EUR, 10 USD, 7 AUD, 100 JPY"},
		{"in 2024 5 apples, version 1.2.3, 5.3.2024 €, 50 %, USDA 5", ""},
		{"$5-10", "5 USD"},
		{"", ""},
	} {
		var got []string
		for _, a := range amounts(tt.text) {
			got = append(got, fmt.Sprintf("%.10g %s", a.amount, a.currency))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, s, tt.want)
		}
	}
	m := Money().(stage).find(document("en", "$5, $7 and €3"))
	if m[KeyMoneyMax+"usd"].Number() != 7 || m[KeyMoneyMax+"eur"].Number() != 3 || m[KeyCurrencies].String() != "[EUR, USD]" {
		t.Error(m)
	}
}

func TestPhones(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"+49 30 1234567, +1 (415) 555-2671 and +44 20 7946 0958", "+49301234567 +14155552671 +442079460958"},
		{"(415) 555-2671, (115) 555-2671", "+14155552671"},
		{"Tel.: 030 1234567, Fax 030/1234568, Telefon: 0171-2345678", "0301234567 0301234568 01712345678"},
		{"in 2024 123456 people, ISBN 978-3-16-148410-0, 12.03.2024, +5, +999 1234567", ""},
		{"x+4930123456789012345", ""},
	} {
		if got := strings.Join(phones(tt.text), " "); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Numbers are examples that their issuers publish, or made to the rules.
func TestPII(t *testing.T) {
	for _, tt := range []struct {
		text string
		want string
	}{
		{"DE89 3704 0044 0532 0130 00, GB29NWBK60161331926819 and fr14 2004 1010 0505 0001 3M02 606", "iban:3"},
		{"DE88 3704 0044 0532 0130 00 XX29NWBK60161331926819 GB29NWBK6016133192681", ""},
		{"4111 1111 1111 1111, 5555-5555-5555-4444, 378282246310005, 6011111111111117", "credit_card:4"},
		{"4111 1111 1111 1112, 4444444444444444, 1234567812345670, 41111111111111111111", ""},
		{"SSN 123-45-6789; 078-05-1120", "us_ssn:2"},
		{"000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000 123-45-67890", ""},
		{"Steuer-ID 86095742719, 47036892816, 65929970489", "de_steuer_id:3"},
		{"86095742718 11111111111 01234567890", ""},
		{"AB 12 34 56 C and AA123456A", "uk_nino:2"},
		{"GB123456A, DA123456A, AB123456E, AO123456A", ""},
		{"from 192.168.1.10, 2001:db8::1 and fe80::1:2:3.", "ip:3"},
		{"127.0.0.1 ::1 0.0.0.0 1.2.3 1.2.3.4.5 256.1.1.1 std::cout a::b 12:30:45 v1.2.3.4-rc", ""},
		{"mail a@example.com, Tel. 030 1234567", "email:1 phone:1"},
		{"", ""},
	} {
		var got []string
		for k, n := range pii(tt.text) {
			got = append(got, fmt.Sprintf("%s:%d", k, n))
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, s, tt.want)
		}
	}
}

// Nothing that PII writes holds a value.
func TestPIIKeepsNoValue(t *testing.T) {
	m := PII().(stage).find(document("en", "DE89370400440532013000 4111111111111111 jane@example.com 8.8.8.8"))
	if got, want := m[KeyPII].String(), "[credit_card, email, iban, ip]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if m[KeyPIICount].Number() != 4 || len(m) != 2 {
		t.Error(m)
	}
}

func FuzzScanners(f *testing.F) {
	for _, s := range []string{
		"5. März 2024", "March 5, 2024", "2024-03-05T1", "1.2.2024.7", "a@b.de", "https://u@www.x.com", "1 250,50 €", "US$ 3 m", "+49 30 1234567",
		"(415) 555-2671", "DE89 3704 0044 0532 0130 00", "::ffff:1.2.3.4", "AB 12 34 56 C", "\xff\xc3", "1\u00a0", "1\u202f€", "’1’2", "$", "de ", "5 of ", "Dr. Peter von", "University of",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range []string{"en", "de", "fr"} {
			for _, d := range dates(s, l) {
				if len(d) != 7 && len(d) != 10 {
					t.Errorf("date %q", d)
				}
			}
			d := document(l, s)
			for _, st := range []Stage{Counts(), Readability(), Dates(), Emails(), Domains(), Money(), Phones(), PII(), Entities(), mustSummary(), mustKeyphrases()} {
				res, err := st.Enrich(t.Context(), d)
				if err != nil {
					t.Fatal(err)
				}
				if err := res.Metadata.Validate(); err != nil {
					t.Errorf("%s: %v", st.Name(), err)
				}
			}
		}
	})
}

func mustSummary() Stage {
	s, err := Summary(SummaryOptions{})
	if err != nil {
		panic(err)
	}
	return s
}

func mustKeyphrases() Stage {
	s, err := Keyphrases(KeyphraseOptions{})
	if err != nil {
		panic(err)
	}
	return s
}

// Time must grow with the length of the text and with nothing else: what an attacker may
// write is looked at in both sizes.
func BenchmarkHostile(b *testing.B) {
	for name, unit := range map[string]string{"digits": "1", "at": "a@", "stops": "1.", "plus": "+1", "colons": "a:", "letters": "a", "blanks": "1 ", "iban": "DE89 ", "capitals": "Aa ", "title": "Dr. "} {
		for _, size := range []int{1 << 16, 1 << 18} {
			text := strings.Repeat(unit, size/len(unit))
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					d := document("en", text)
					for _, st := range []Stage{Counts(), Readability(), Dates(), Emails(), Domains(), Money(), Phones(), PII(), Entities(), mustSummary(), mustKeyphrases()} {
						if _, err := st.Enrich(b.Context(), d); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
