package mail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func extract(t *testing.T, content []byte, opt Options) rag.Text {
	t.Helper()
	text, err := Extract(t.Context(), content, opt)
	return extracttest.Checked(t, text, err)
}

const head = "From: Ann <ann@x.org>\nSubject: S\n"

func TestMessages(t *testing.T) {
	const top = "heading 1: S\nparagraph: From: Ann <ann@x.org>\n"
	for _, c := range []struct{ name, in, want string }{
		{"plain with quotes and signature", head + "\nHello.\n\n> You wrote\n> this.\n>\n> > and that\nYes.\n-- \nAnn\n",
			top + "paragraph: Hello.\nquote: You wrote / this.\nquote: > and that\nparagraph: Yes. / -- / Ann"},
		{"flowed", head + "Content-Type: text/plain; format=flowed; delsp=yes\n\nOne li \nne.\n> quo \n> ted \nnot.\n",
			top + "paragraph: One line.\nquote: quoted\nparagraph: not."},
		{"html only", head + "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<h1>Caf=E9</h1><ul><li>a</ul><p>b=\nc\n",
			top + "heading 2: Café\nlist_item 1: - a\nparagraph: bc"},
		{"plain before html", head + "Content-Type: multipart/alternative; boundary=B\n\n--B\n\nThe same words.\n--B\nContent-Type: text/html\n\n<b>The same words.</b>\n--B--\n",
			top + "paragraph: The same words."},
		{"a stub of plain", head + "Content-Type: multipart/alternative; boundary=B\n\n--B\n\nView online\n--B\nContent-Type: text/html\n\n<p>All that the letter says, at length and in full.\n--B--\n",
			top + "paragraph: All that the letter says, at length and in full."},
		{"mixed, base64", head + "Content-Type: multipart/mixed; boundary=\"B B\"\n\npreamble\n--B B\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n--B B\nContent-Type: application/pdf; name=\"=?utf-8?q?=C3=A4.pdf?=\"\nContent-Disposition: attachment\n\nxx\n--B B--\nepilogue\n",
			top + "paragraph: Hello\nparagraph: Attachment: ä.pdf (2 B)"},
		{"related with an inline image", head + "Content-Type: multipart/related; boundary=B; start=\"<r>\"\n\n--B\nContent-Type: image/png\nContent-ID: <i>\n\nxx\n--B\nContent-Type: text/html\nContent-ID: <r>\n\n<p>Look: <img src=cid:i>\n--B--\n",
			top + "paragraph: Look:"},
		{"nested message", head + "Content-Type: multipart/mixed; boundary=B\n\n--B\n\nSee below.\n--B\nContent-Type: message/rfc822\n\nSubject: Inner\nFrom: b@x\nContent-Type: text/html\n\n<h2>H</h2>\n--B--\n",
			top + "paragraph: See below.\nheading 2: Attachment: Inner\nparagraph: From: b@x\nheading 4: H"},
		{"digest", head + "Content-Type: multipart/digest; boundary=B\n\n--B\n\nSubject: One\n\n1\n--B\n\nSubject: Two\n\n2\n--B--\n",
			top + "heading 2: One\nparagraph: 1\nheading 2: Two\nparagraph: 2"},
		{"no boundary is named", head + "Content-Type: multipart/mixed\n\n--somewhere\n\nA\n--somewhere\n\nB\n--somewhere--\n", top + "paragraph: A\nparagraph: B"},
		{"a wrong boundary is named", head + "Content-Type: multipart/mixed; boundary=no\n\n--somewhere\n\nA\n--somewhere--\n", top + "paragraph: A"},
		{"cut off", head + "Content-Type: multipart/mixed; boundary=B\n\n--B\n\nA\n--B\n\nB is cut o", top + "paragraph: A\nparagraph: B is cut o"},
		{"uuencoded", head + "\nText.\nbegin 644 a.txt\n#0V%T\n`\nend\nMore.\n", top + "paragraph: Text. / More.\nparagraph: Attachment: a.txt (3 B)"},
		{"signed in clear", head + "\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nHello.\n- -- \nAnn\n-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n", top + "paragraph: Hello. / -- / Ann"},
		{"invitation", head + "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Talk\\, long\nDTSTART;TZID=Europe/Berlin:20240131T090000\nORGANIZER;CN=\"Bo\":mailto:bo@x\nEND:VEVENT\nEND:VCALENDAR\n",
			top + "paragraph: Event: Talk, long / Start: 2024-01-31 09:00 (EUROPE/BERLIN) / Organizer: Bo <bo@x>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, in := range [][]byte{[]byte(c.in), crlf(c.in)} {
				if got := extracttest.Outline(extract(t, in, Options{})); got != c.want {
					t.Errorf("got\n%swant\n%s", got, c.want)
				}
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	in := "Return-Path: <x>\nFrom: \"Sm=?utf-8?q?=C3=AF?=th, J\" <j@x.org>\nTo: =?utf-8?B?w6Q=?= <a@x>, b@x\nCc: undisclosed:;\n" +
		"Subject: =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\n =?utf-8?Q?_=C3?= =?utf-8?Q?=A4_b?= tail\nDate: Fri, 02 Feb 2024 10:00:00 +0100 (CET)\nMessage-ID: <1@x>\nIn-Reply-To: <0@x>\n\nBody\n"
	text := extract(t, []byte(in), Options{})
	if want := "日本 ä b tail"; text.Title != want {
		t.Errorf("title %q, want %q", text.Title, want)
	}
	for key, want := range map[string]string{"author": "Smïth, J <j@x.org>", "to": "ä <a@x>, b@x", "date": "2024-02-02T09:00:00Z", "message_id": "1@x", "in_reply_to": "0@x"} {
		if got := text.Metadata[key]; !got.Equal(rag.Str(want)) {
			t.Errorf("%s is %v, want %q", key, got, want)
		}
	}
}

func TestParameters(t *testing.T) {
	for _, c := range []struct{ in, key, want string }{
		{`attachment; filename="a b.txt"`, "filename", "a b.txt"},
		{`attachment; filename=a b.txt; size=1`, "filename", "a b.txt"},
		{`attachment; filename*=utf-8'en'%e2%82%ac.txt`, "filename", "€.txt"},
		{`attachment; filename*0*=iso-8859-1''caf%E9; filename*1=" au lait.txt"`, "filename", "café au lait.txt"},
		{`attachment; filename="C:\dir\a.txt"`, "filename", `C:\dir\a.txt`},
		{`text/plain; charset="utf-8`, "charset", "utf-8"},
		{`text/plain;;; =x; Charset = UTF-8 ;`, "charset", "UTF-8"},
	} {
		if _, params := parameters(c.in); params[c.key] != c.want {
			t.Errorf("%s: %q, want %q", c.in, params[c.key], c.want)
		}
	}
}

func TestDecoding(t *testing.T) {
	for _, c := range []struct{ encoding, in, want string }{
		{"UTF-7", "Hi Mom -+Jjo--!", "Hi Mom -☺-!"},
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"},
		{"us-ascii", "caf\xc3\xa9", "café"},
		{"no-such", "plain", "plain"},
	} {
		if got := toUTF8([]byte(c.in), c.encoding); got != c.want {
			t.Errorf("%s: %q, want %q", c.encoding, got, c.want)
		}
	}
	if got := string(decodeBase64([]byte("SGVs\r\nbG8=!SGk="))); got != "HelloHi" {
		t.Errorf("base64: %q", got)
	}
	if got := string(decodeQuoted([]byte("a=3D=\r\nb=C3=A4 =zz="), false)); got != "a=bä =zz" {
		t.Errorf("quoted-printable: %q", got)
	}
}

func TestAttachments(t *testing.T) {
	in := head + "Content-Type: multipart/mixed; boundary=B\n\n--B\n\nHi.\n--B\nContent-Type: text/csv; name=t.csv\n\na,b\n--B\nContent-Disposition: attachment; filename=bad.bin\n\nxx\n" +
		"--B\nContent-Disposition: attachment; filename=winmail.dat\nContent-Type: application/ms-tnef\n\nxx\n--B\nContent-Disposition: attachment; filename=empty\n\n\n--B--\n"
	opt := Options{Attachment: func(_ context.Context, name string, content []byte) (rag.Text, error) {
		switch name {
		case "bad.bin":
			return rag.Text{}, rag.Errorf(rag.KindInvalid, "it is binary")
		case "empty":
			return rag.Text{}, nil
		}
		table := "| a | b |\n| --- | --- |\n| 1 | 2 |"
		text := rag.Text{Content: "Top\n\n" + table + "\n\n  code", Pages: 3, Warnings: []string{"page 2"}, Blocks: []rag.Block{
			{Kind: rag.Heading, Level: 1, Page: 2, Span: rag.Span{Start: 0, End: 3}},
			{Kind: rag.Table, Page: 3, Span: rag.Span{Start: 5, End: 5 + len(table)}, HeaderEnd: 5 + strings.LastIndex(table, "\n") + 1},
			{Kind: rag.Code, Span: rag.Span{Start: 7 + len(table), End: 13 + len(table)}},
		}}
		extracttest.Check(t, text)
		return text, nil
	}}
	text := extract(t, []byte(in), opt)
	want := "heading 1: S\nparagraph: From: Ann <ann@x.org>\nparagraph: Hi.\nheading 2: Attachment: t.csv\nheading 3: Top\n" +
		"table: | a | b | / | --- | --- | / | 1 | 2 |\ncode:   code\nparagraph: Attachment: bad.bin (not read)\nparagraph: Attachment: empty (holds no text)"
	if got := extracttest.Outline(text); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if all := strings.Join(text.Warnings, "\n"); len(text.Warnings) != 3 || !strings.Contains(all, `"winmail.dat"`) || !strings.Contains(all, `"bad.bin" was not read: it is binary`) {
		t.Errorf("warnings: %q", text.Warnings)
	}
	opt.Limit = 150
	opt.Attachment = func(context.Context, string, []byte) (rag.Text, error) {
		long := strings.Repeat("long ", 30)
		return rag.Text{Content: long, Blocks: []rag.Block{{Kind: rag.Paragraph, Span: rag.Span{End: len(long)}}}}, nil
	}
	if text := extract(t, []byte(in), opt); len(text.Content) > 150 || len(text.Warnings) != 4 {
		t.Errorf("an attachment beyond the limit: %q, %q", text.Content, text.Warnings)
	}
	ctx, cancel := context.WithCancel(t.Context())
	opt = Options{Attachment: func(context.Context, string, []byte) (rag.Text, error) {
		cancel()
		return rag.Text{}, context.Canceled
	}}
	if _, err := Extract(ctx, []byte(in), opt); !errors.Is(err, context.Canceled) {
		t.Errorf("a done context: %v", err)
	}
}

func TestRefused(t *testing.T) {
	enveloped := "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x00"
	for _, c := range []struct {
		name, in string
		kind     rag.Kind
	}{
		{"no header", "\x00\x01\x02 binary", rag.KindInvalid},
		{"prose", "Dear all,\n\nhello\n", rag.KindInvalid},
		{"PGP/MIME", head + "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=B\n\n--B\n\nVersion: 1\n--B--\n", rag.KindUnauthorized},
		{"PGP in the body", head + "\n-----BEGIN PGP MESSAGE-----\n\nxx\n-----END PGP MESSAGE-----\n", rag.KindUnauthorized},
		{"S/MIME", head + "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\n" + enveloped, rag.KindUnauthorized},
	} {
		if _, err := Extract(t.Context(), []byte(c.in), Options{}); rag.KindOf(err) != c.kind {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Extract(t.Context(), []byte(head+"\n"+strings.Repeat("word\n\n", 1000)), Options{Limit: 100}); rag.KindOf(err) != rag.KindExhausted {
		t.Errorf("too much text: %v", err)
	}
}

// TestOpaquelySigned wraps a part as S/MIME does, in one piece and in several of
// unknown length.
func TestOpaquelySigned(t *testing.T) {
	inner := "Content-Type: text/plain\r\n\r\nSigned words.\r\n"
	element := func(tag byte, content string) string {
		return string([]byte{tag, 0x82, byte(len(content) >> 8), byte(len(content))}) + content
	}
	open := func(tag byte, content string) string { return string([]byte{tag, 0x80}) + content + "\x00\x00" }
	oid := func(o []byte) string { return "\x06" + string(rune(len(o))) + string(o) }
	data := oid([]byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01})
	for name, der := range map[string]string{
		"DER": element(0x30, oid(oidSigned)+element(0xa0, element(0x30, "\x02\x01\x01"+element(0x31, "")+element(0x30, data+element(0xa0, element(0x04, inner)))))),
		"BER": open(0x30, oid(oidSigned)+open(0xa0, open(0x30, "\x02\x01\x01"+open(0x31, "")+open(0x30, data+open(0xa0, open(0x24, element(0x04, inner[:9])+element(0x04, inner[9:]))))))),
	} {
		text := extract(t, []byte(head+"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\n"+der), Options{})
		if !strings.HasSuffix(text.Content, "Signed words.") {
			t.Errorf("%s: %q", name, text.Content)
		}
		if signed, encrypted := Secured([]byte(der)); encrypted || string(signed) != inner {
			t.Errorf("%s: %q, %v", name, signed, encrypted)
		}
	}
}

func TestSavedPage(t *testing.T) {
	in := "From: <Saved by Blink>\nSnapshot-Content-Location: https://x.org/a\nSubject: Sub\nMIME-Version: 1.0\nContent-Type: multipart/related; type=\"text/html\"; boundary=B\n\n" +
		"--B\nContent-Type: text/html\nContent-Location: https://x.org/a\nContent-Transfer-Encoding: quoted-printable\n\n<title>T</title><h1>Head=\ning</h1><p>Words.\n--B\nContent-Type: text/css\nContent-Location: cid:c\n\np{}\n--B--\n"
	text := extract(t, crlf(in), Options{})
	if got := extracttest.Outline(text); got != "heading 1: Heading\nparagraph: Words." || text.Title != "T" || !text.Metadata["url"].Equal(rag.Str("https://x.org/a")) {
		t.Errorf("%q %v\n%s", text.Title, text.Metadata, got)
	}
}

func TestUTF16(t *testing.T) {
	in := "\xff\xfe"
	for _, r := range head + "\nGrüße\n" {
		in += string([]byte{byte(r), byte(r >> 8)})
	}
	if text := extract(t, []byte(in), Options{}); !strings.HasSuffix(text.Content, "\n\nGrüße") {
		t.Errorf("%q", text.Content)
	}
}

func TestMailboxes(t *testing.T) {
	from := "From ann@x Mon Jun  1 10:00:00 2009\n"
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"two", from + "A: 1\n\none\n\n" + from + "A: 2\n\ntwo\n", []string{"A: 1\n\none\n\n", "A: 2\n\ntwo\n"}},
		{"quoted", from + "A: 1\n\n>From here\n>>From there\n>Fromm\n", []string{"A: 1\n\nFrom here\n>From there\n>Fromm\n"}},
		{"From in a body", from + "A: 1\n\nFrom time to time\n\nFrom nine to five\n", []string{"A: 1\n\nFrom time to time\n\nFrom nine to five\n"}},
		{"content length", from + "Content-Length: 46\n\n" + "x\n\n" + from + "A: no\n\n" + "\n" + from + "A: 2\n\ntwo\n",
			[]string{"Content-Length: 46\n\n" + "x\n\n" + from + "A: no\n\n", "A: 2\n\ntwo\n"}},
		{"false content length", from + "Content-Length: 3\n\nlonger\n\n" + from + "A: 2\n\n", []string{"Content-Length: 3\n\nlonger\n\n", "A: 2\n\n"}},
		{"no messages", "", nil},
	} {
		var got []string
		for m := range Split([]byte(c.in)) {
			got = append(got, string(m))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	text, err := ExtractMailbox(t.Context(), []byte(from+"Subject: One\nFrom: a@x\n\nfirst\n\n"+from+"X: 1\n\nsecond\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	extracttest.Check(t, text)
	if got, want := extracttest.Outline(text), "heading 1: One\nparagraph: From: a@x\nparagraph: first\nheading 1: (no subject)\nparagraph: second"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if _, err := ExtractMailbox(t.Context(), []byte("Subject: One\n\nx"), Options{}); rag.KindOf(err) != rag.KindInvalid {
		t.Errorf("a message is no mailbox: %v", err)
	}
}

// TestHostile holds messages that are made to exhaust their reader to their limits.
func TestHostile(t *testing.T) {
	nested := strings.Repeat("Content-Type: message/rfc822\n\n", 20_000) + "Subject: deep\n\nx"
	parts := "From: a@x\nContent-Type: multipart/mixed; boundary=B\n\n" + strings.Repeat("--B\n\nx\n", 300_000)
	boxes := "From: a@x\n"
	for i := range 5000 {
		boxes += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	for name, in := range map[string]string{
		"nested": nested, "parts": parts, "boxes": boxes, "fields": strings.Repeat("A: b\n", 500_000), "folded": "To: " + strings.Repeat("a@x,\n ", 500_000),
		"words": "Subject: " + strings.Repeat("=?utf-8?q?a?= ", 100_000), "params": "Content-Type: a/b" + strings.Repeat(";a*0*=b", 100_000), "almost words": "Subject: " + strings.Repeat("=?", 500_000),
		"dashes": "Content-Type: multipart/mixed\n\n" + strings.Repeat("--aaaaaaa\n", 3) + strings.Repeat("--aaaaaaab\n", 300_000), "quotes": "From: a\n\n" + strings.Repeat(">a\na\n", 300_000),
	} {
		text, err := Extract(t.Context(), []byte(in), Options{Limit: 64 << 20})
		if err != nil && rag.KindOf(err) == rag.KindInternal {
			t.Errorf("%s: %v", name, err)
		}
		extracttest.Check(t, text)
		if (name == "nested" || name == "parts") && len(text.Warnings) == 0 {
			t.Errorf("%s: nobody is told that something was left out", name)
		}
	}
}

const shared = "../../../../shared/data/documents/other/"

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(shared + pattern)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skip("the shared data is absent")
	}
	return found
}

// TestRealMessages reads every message of the shared data.
func TestRealMessages(t *testing.T) {
	for _, path := range files(t, "eml/*.eml") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Extract(t.Context(), content, Options{Limit: 64 << 20})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		extracttest.Check(t, text)
		if len(text.Blocks) < 2 || strings.Contains(text.Content, "\uFFFD") {
			t.Errorf("%s: %q, %d blocks, %.200q", filepath.Base(path), text.Title, len(text.Blocks), text.Content)
		}
	}
}

func TestRealMailboxes(t *testing.T) {
	messages := map[string]int{"complex": 3, "headers": 1, "multiline": 1, "quoted": 1, "single_mail": 1}
	for _, path := range files(t, "mbox/*.mbox") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := ExtractMailbox(t.Context(), content, Options{Limit: 64 << 20})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		extracttest.Check(t, text)
		n := 0
		for range Split(content) {
			n++
		}
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "tika-"), ".mbox")
		if want := messages[name]; n != want || text.Content == "" {
			t.Errorf("%s: %d messages, want %d; %.200q", name, n, want, text.Content)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte(head + "\nHello\n> quote\n"))
	f.Add([]byte(head + "Content-Type: multipart/alternative; boundary=B\n\n--B\n\na\n--B\nContent-Type: text/html\n\n<p>b\n--B--\n"))
	f.Add([]byte(head + "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogYQoKYg==\n"))
	f.Add([]byte("From a Mon Jun 1 10:00:00 2009\nSubject: =?utf-7?q?+Jjo-?=\n\nbegin 644 a\n#0V%T\nend\n"))
	f.Add([]byte("Content-Type: application/pkcs7-mime\n\n\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80"))
	f.Add([]byte("\xff\xfeS\x00u\x00b\x00j\x00e\x00c\x00t\x00:\x00a\x00\n\x00\n\x00b\x00"))
	f.Add([]byte("Content-Type: text/calendar\n\nBEGIN:VEVENT\nSUMMARY:a\nEND:VEVENT\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		opt := Options{Limit: 1 << 20, Attachment: func(_ context.Context, name string, content []byte) (rag.Text, error) {
			return rag.Text{}, rag.Errorf(rag.KindInvalid, "not read: %s", name)
		}}
		if text, err := Extract(t.Context(), content, opt); err == nil {
			extracttest.Check(t, text)
		} else if rag.KindOf(err) == rag.KindInternal {
			t.Error(err)
		}
		if text, err := ExtractMailbox(t.Context(), content, opt); err == nil {
			extracttest.Check(t, text)
		}
		all := 0
		for m := range Split(content) {
			all += len(m)
		}
		if all > len(content) {
			t.Errorf("messages of %d bytes in a mailbox of %d", all, len(content))
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	in := []byte(head + "Content-Type: multipart/mixed; boundary=B\n\n" + strings.Repeat("--B\nContent-Transfer-Encoding: quoted-printable\n\n"+strings.Repeat("Some words of a letter =C3=A4 and more.\n\n", 200), 100) + "--B--\n")
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := Extract(b.Context(), in, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
