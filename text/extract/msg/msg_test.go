package msg

import (
	"bytes"
	"context"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/mail"
	"github.com/smartretriever/smartretriever/text/extract/ole/oletest"
)

// folder is a storage to be written: streams are []byte, storages folder.
type folder map[string]any

func write(root folder) []byte {
	var streams []oletest.Stream
	var add func(in folder, prefix string)
	add = func(in folder, prefix string) {
		for _, name := range slices.Sorted(maps.Keys(in)) {
			if within, is := in[name].(folder); is {
				add(within, prefix+name+"/")
			} else {
				streams = append(streams, oletest.Stream{Name: prefix + name, Content: in[name].([]byte)})
			}
		}
	}
	add(root, "")
	return oletest.Build(streams...)
}

func wide(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = le.AppendUint16(out, u)
	}
	return out
}

// props writes fixed properties behind a header.
func props(header int, pairs ...uint64) []byte {
	out := make([]byte, header)
	for i := 0; i < len(pairs); i += 3 {
		out = le.AppendUint16(out, uint16(pairs[i+1]))
		out = le.AppendUint16(out, uint16(pairs[i]))
		out = le.AppendUint32(out, 6)
		out = le.AppendUint64(out, pairs[i+2])
	}
	return out
}

func name(id uint16, kind int) string { return streamName(id, kind) }

const (
	signature  = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
	headerSize = 512
)

const propertiesName = "__properties_version1.0"

func letter(more folder) []byte {
	f := folder{
		propertiesName:                 props(32, propSubmitTime, typeTime, 133515216000000000, propMessagePage, typeInt, 1251),
		name(propSubject, typeUnicode): wide("Тема"),
		name(propSenderName, typeANSI): []byte("\xc0\xed\xed\xe0\x00"),
		name(propSenderSMTP, typeANSI): []byte("ann@x.org"),
		"__recip_version1.0_#00000000": folder{propertiesName: props(8, propRecipient, typeInt, 1), name(propName, typeUnicode): wide("Bob"), name(propSMTP, typeUnicode): wide("bob@x")},
		"__recip_version1.0_#00000001": folder{propertiesName: props(8, propRecipient, typeInt, 2), name(propName, typeUnicode): wide("Cy")},
	}
	for k, v := range more {
		f[k] = v
	}
	return write(f)
}

const envelope = "Тема\n\nFrom: Анна <ann@x.org>\nTo: Bob <bob@x>\nCc: Cy\nDate: 2024-02-04 12:00 UTC"

func extract(t *testing.T, content []byte, opt mail.Options) rag.Text {
	t.Helper()
	text, err := Extract(t.Context(), content, opt)
	return extracttest.Checked(t, text, err)
}

func TestBodies(t *testing.T) {
	rtf := `{\rtf1\ansi\ansicpg1251\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 \'cf\'f0\'e8\'e2\'e5\'f2\htmlrtf }\htmlrtf0{\*\htmltag72 </p>}}`
	packed := le.AppendUint32(nil, uint32(len(rtf)+12))
	packed = le.AppendUint32(packed, uint32(len(rtf)))
	packed = append(packed, "MELA\x00\x00\x00\x00"+rtf...)
	for _, c := range []struct {
		name string
		body folder
		want string
	}{
		{"plain, Unicode", folder{name(propBody, typeUnicode): wide("Hello 你好\r\n> quote")}, "Hello 你好\n\nquote"},
		{"plain, code page", folder{name(propBody, typeANSI): []byte("\xcf\xf0\xe8\xe2\xe5\xf2")}, "Привет"},
		{"HTML", folder{name(propHTML, typeBinary): []byte("<p>\xcf\xf0\xe8\xe2\xe5\xf2")}, "Привет"},
		{"a stub of plain", folder{name(propBody, typeUnicode): wide("."), name(propHTML, typeBinary): []byte("<p>" + strings.Repeat("long ", 20))}, strings.TrimSpace(strings.Repeat("long ", 20))},
		{"RTF", folder{name(propRTF, typeBinary): packed}, "Привет"},
		{"none", nil, ""},
	} {
		want := strings.TrimSpace(envelope + "\n\n" + c.want)
		if got := extract(t, letter(c.body), mail.Options{}).Content; got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
	text := extract(t, letter(folder{name(propMessageID, typeUnicode): wide("<1@x>")}), mail.Options{})
	for key, want := range map[string]string{"author": "Анна <ann@x.org>", "to": "Bob <bob@x>", "cc": "Cy", "date": "2024-02-04T12:00:00Z", "message_id": "1@x"} {
		if got := text.Metadata[key]; !got.Equal(rag.Str(want)) {
			t.Errorf("%s is %v, want %q", key, got, want)
		}
	}
}

func TestAttachments(t *testing.T) {
	content := letter(folder{
		"__attach_version1.0_#00000000": folder{propertiesName: props(8, propMethod, typeInt, 1), name(propLongFile, typeUnicode): wide("a.txt"), name(propData, typeBinary): []byte("words")},
		"__attach_version1.0_#00000001": folder{propertiesName: props(8, propMethod, typeInt, 1), name(propLongFile, typeUnicode): wide("i.png"), name(propContentID, typeUnicode): wide("i"), name(propData, typeBinary): []byte("x")},
		"__attach_version1.0_#00000002": folder{propertiesName: props(8, propMethod, typeInt, 5), name(propData, typeObject): folder{propertiesName: props(24), name(propSubject, typeUnicode): wide("Inner"), name(propBody, typeUnicode): wide("within")}},
		"__attach_version1.0_#00000003": folder{propertiesName: props(8, propMethod, typeInt, 6), name(propLongFile, typeUnicode): wide("o.ole"), name(propData, typeObject): folder{"CONTENTS": []byte("x")}},
	})
	text := extract(t, content, mail.Options{Attachment: func(_ context.Context, name string, content []byte) (rag.Text, error) {
		return rag.Text{Content: name + " " + string(content), Blocks: []rag.Block{{Kind: rag.Paragraph, Span: rag.Span{End: len(name) + 1 + len(content)}}}}, nil
	}})
	if want := envelope + "\n\nAttachment: a.txt\n\na.txt words\n\nAttachment: Inner\n\nwithin"; text.Content != want || len(text.Warnings) != 1 || !strings.Contains(text.Warnings[0], "o.ole") {
		t.Errorf("got %q, want %q; warnings %q", text.Content, want, text.Warnings)
	}
}

func TestSecured(t *testing.T) {
	p7m := func(content string) folder {
		return folder{name(propClass, typeUnicode): wide("IPM.Note.SMIME.MultipartSigned"), "__attach_version1.0_#00000000": folder{
			propertiesName: props(8, propMethod, typeInt, 1), name(propLongFile, typeUnicode): wide("smime.p7m"), name(propData, typeBinary): []byte(content)}}
	}
	signed := "Content-Type: multipart/signed; boundary=B\n\n--B\n\nSigned words.\n--B\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nx\n--B--\n"
	if got := extract(t, letter(p7m(signed)), mail.Options{}).Content; got != envelope+"\n\nSigned words." {
		t.Errorf("signed: %q", got)
	}
	for name, content := range map[string][]byte{
		"S/MIME": letter(p7m("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x00")),
		"rights": letter(folder{"__attach_version1.0_#00000000": folder{propertiesName: props(8, propMethod, typeInt, 1), name(propLongFile, typeUnicode): wide("message.rpmsg"), name(propData, typeBinary): []byte("x")}}),
	} {
		if _, err := Extract(t.Context(), content, mail.Options{}); rag.KindOf(err) != rag.KindUnauthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecompress holds to the two examples of MS-OXRTFCP (3.1, 3.2).
func TestDecompress(t *testing.T) {
	for in, want := range map[string]string{
		"2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af320" + "68656c090020627705b06c647d0a800fa0": "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
		"1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0":                                            "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decompress(b); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		if _, err := decompress(b[:len(b)-4]); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("cut off: %v", err)
		}
	}
}

func TestDeencapsulate(t *testing.T) {
	for _, c := range []struct {
		in, want string
		html     bool
	}{
		{`{\rtf1\ansi\fromtext one\par two \u8364?\u-10179?\u-8704?.}`, "one\ntwo €😀.", false},
		{`{\rtf1\ansi{\fonttbl{\f0\fcharset204 Arial;}{\f1\fcharset128 X;}}{\info{\title no}}\f0\'cf\'f0 \{ok\}{\*\generator no;}\f1\'93\'fa}`, "Пр {ok}日", false},
		{`{\rtf1\ansi\fromhtml1{\*\htmltag148 <p title="\'e9">}\htmlrtf \par\htmlrtf0 a\tab b{\*\mhtmltag no}{\*\htmltag </p>}}`, "<p title=\"é\">a\tb</p>", true},
		{`}}{\bin4 }}}}x`, "x", false},
		{`\`, "", false},
	} {
		if got, html := deencapsulate([]byte(c.in), "windows-1252"); got != c.want || html != c.html {
			t.Errorf("%s: %q, %v", c.in, got, html)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, content := range map[string][]byte{
		"text": []byte("no"), "short": []byte(signature), "another document": write(folder{"WordDocument": []byte("x")}), "empty": make([]byte, 1000), "no directory": append([]byte(signature), make([]byte, 600)...),
	} {
		if _, err := Extract(t.Context(), content, mail.Options{}); rag.KindOf(err) != rag.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRings has chains and trees that lead back to themselves.
func TestRings(t *testing.T) {
	content := letter(folder{name(propBody, typeUnicode): wide(strings.Repeat("word ", 1000))})
	for at := headerSize; at+4 <= len(content); at += 4 {
		damaged := bytes.Clone(content)
		le.PutUint32(damaged[at:], uint32(at%7))
		text, err := Extract(t.Context(), damaged, mail.Options{Limit: 1 << 20})
		if err != nil && rag.KindOf(err) == rag.KindInternal {
			t.Fatal(err)
		}
		extracttest.Check(t, text)
	}
}

func TestRealMessages(t *testing.T) {
	found, err := filepath.Glob("../../../../shared/data/documents/other/msg/*.msg")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skip("the shared data is absent")
	}
	for _, path := range found {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Extract(t.Context(), content, mail.Options{Limit: 64 << 20})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		extracttest.Check(t, text)
		if text.Title == "" || len(text.Blocks) < 2 {
			t.Errorf("%s: %q, %.200q", filepath.Base(path), text.Title, text.Content)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(letter(folder{name(propBody, typeUnicode): wide("words")}))
	f.Add(letter(folder{"__attach_version1.0_#00000000": folder{propertiesName: props(8, propMethod, typeInt, 5), name(propData, typeObject): folder{propertiesName: props(24), name(propSubject, typeUnicode): wide("Inner")}}}))
	f.Fuzz(func(t *testing.T, content []byte) {
		text, err := Extract(t.Context(), content, mail.Options{Limit: 1 << 20})
		if err == nil {
			extracttest.Check(t, text)
		} else if rag.KindOf(err) == rag.KindInternal {
			t.Error(err)
		}
	})
}

func FuzzRTF(f *testing.F) {
	f.Add([]byte(`{\rtf1\ansi\fromhtml1{\*\htmltag148 <p>}\htmlrtf \par\htmlrtf0 a\u8364?\'e4{\fonttbl{\f0\fcharset204 A;}}}`))
	b, _ := hex.DecodeString("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
	f.Add(b)
	f.Fuzz(func(t *testing.T, content []byte) {
		rtf, _ := decompress(content)
		deencapsulate(rtf, "")
		deencapsulate(content, "windows-1251")
	})
}
