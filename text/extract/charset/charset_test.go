package charset_test

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/smartretriever/smartretriever/text/extract/charset"
)

const (
	german   = "Die Prüfung der Anlage erfolgt jährlich. Über größere Mängel ist der Betreiber unverzüglich zu unterrichten; die Kosten trägt er selbst."
	french   = "L’été dernier, le préfet a décidé d’élever les amendes : « ça suffit », déclara-t-il. Les élèves étaient ravis."
	polish   = "Zażółć gęślą jaźń. Każdy ma prawo do wolności myśli, sumienia i wyznania; prawo to obejmuje swobodę zmiany wyznania lub wiary."
	russian  = "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать в отношении друг друга в духе братства."
	greek    = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση."
	hebrew   = "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה."
	arabic   = "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء."
	turkish  = "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler."
	chinese  = "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
	taiwan   = "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。"
	japanes  = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。"
	koreanTx = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다."
	english  = "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience."
)

func TestDecode(t *testing.T) {
	little := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	big := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	for _, c := range []struct {
		name string
		enc  encoding.Encoding
		text string
	}{
		{"UTF-8", unicode.UTF8, german}, {"UTF-8 with mark", unicode.UTF8BOM, russian},
		{"UTF-16LE with mark", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), chinese}, {"UTF-16BE with mark", unicode.UTF16(unicode.BigEndian, unicode.UseBOM), german},
		{"UTF-32 with mark", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM), greek}, {"UTF-32BE with mark", utf32.UTF32(utf32.BigEndian, utf32.UseBOM), greek},
		{"UTF-16LE English", little, english}, {"UTF-16BE English", big, english}, {"UTF-16LE German", little, german}, {"UTF-16BE German", big, german},
		{"UTF-16LE Russian", little, russian}, {"UTF-16BE Russian", big, russian}, {"UTF-16LE Greek", little, greek}, {"UTF-16LE Arabic", little, arabic},
		{"UTF-16LE Chinese", little, chinese}, {"UTF-16BE Chinese", big, chinese}, {"UTF-16LE Japanese", little, japanes}, {"UTF-16BE Japanese", big, japanes},
		{"UTF-16LE Korean", little, koreanTx}, {"UTF-16BE Korean", big, koreanTx},
		{"Windows-1252", charmap.Windows1252, german}, {"Windows-1252 French", charmap.Windows1252, strings.ReplaceAll(french, " :", " :")},
		{"Windows-1250", charmap.Windows1250, polish}, {"Windows-1251", charmap.Windows1251, russian}, {"Windows-1253", charmap.Windows1253, greek},
		{"Windows-1254", charmap.Windows1254, turkish}, {"Windows-1255", charmap.Windows1255, hebrew}, {"Windows-1256", charmap.Windows1256, arabic},
		{"KOI8-R", charmap.KOI8R, russian}, {"ISO-8859-2", charmap.ISO8859_2, polish}, {"ISO-8859-5", charmap.ISO8859_5, russian}, {"ISO-8859-7", charmap.ISO8859_7, greek},
		{"Shift_JIS", japanese.ShiftJIS, japanes}, {"EUC-JP", japanese.EUCJP, japanes}, {"ISO-2022-JP", japanese.ISO2022JP, japanes},
		{"GB18030", simplifiedchinese.GB18030, chinese}, {"GBK", simplifiedchinese.GBK, chinese}, {"Big5", traditionalchinese.Big5, taiwan}, {"EUC-KR", korean.EUCKR, koreanTx},
	} {
		content, err := c.enc.NewEncoder().Bytes([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !charset.IsText(content) {
			t.Errorf("%s: not taken for text", c.name)
		}
		if got, name := charset.Decode(content, ""); got != c.text {
			t.Errorf("%s: read as %s: %.60q", c.name, name, got)
		}
	}
}

func TestDeclared(t *testing.T) {
	koi, err := charmap.KOI8R.NewEncoder().Bytes([]byte("да"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ content, declared, want, name string }{
		{string(koi), "KOI8-R", "да", "koi8-r"},
		{"Gr\xfcn", "ISO-8859-1", "Grün", "windows-1252"},
		{"Grün", "ISO-8859-1", "Grün", "utf-8"}, // saved anew, the label left
		{"Gr\xfcn", "no such encoding", "Grün", "windows-1252"},
		{"\xff\xfeG\x00r\x00", "utf-8", "Gr", "utf-16le"},
		{"", "utf-8", "", "utf-8"},
	} {
		got, name := charset.Decode([]byte(c.content), c.declared)
		if got != c.want || name != c.name {
			t.Errorf("%q as %q: got %q as %s, want %q as %s", c.content, c.declared, got, name, c.want, c.name)
		}
	}
}

func TestIsText(t *testing.T) {
	for content, want := range map[string]bool{
		"": true, "text\n": true, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x00": false, "\x1b[31mred\x1b[0m": true,
		strings.Repeat("\x00\x01\x02\x03\x90", 100): false, "\x00\x00\x00\x00": false, "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00": false,
	} {
		if charset.IsText([]byte(content)) != want {
			t.Errorf("%.20q: got %v", content, !want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(german), "")
	f.Add([]byte("\xff\xfea\x00"), "utf-8")
	f.Add([]byte("\x1b$B$9\x1b(B"), "shift_jis")
	f.Fuzz(func(t *testing.T, content []byte, declared string) {
		if got, _ := charset.Decode(content, declared); strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q is no UTF-8", got)
		}
		charset.IsText(content)
	})
}
