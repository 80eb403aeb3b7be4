package msg

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	netcharset "golang.org/x/net/html/charset"

	"github.com/smartretriever/smartretriever/text/extract/charset"
	"github.com/smartretriever/smartretriever/text/extract/ole"
)

var le = binary.LittleEndian

// Ids of properties (MS-OXPROPS).
const (
	propClass        = 0x001a
	propSubject      = 0x0037
	propSubmitTime   = 0x0039
	propSentName     = 0x0042 // on whose behalf
	propSentAddress  = 0x0065
	propSentSMTP     = 0x5d02
	propHeaders      = 0x007d
	propSenderName   = 0x0c1a
	propSenderAddr   = 0x0c1f
	propSenderSMTP   = 0x5d01
	propDisplayCc    = 0x0e03
	propDisplayTo    = 0x0e04
	propDelivered    = 0x0e06
	propBody         = 0x1000
	propRTF          = 0x1009
	propHTML         = 0x1013
	propMessageID    = 0x1035
	propInReplyTo    = 0x1042
	propCreated      = 0x3007
	propName         = 0x3001 // display name, of a recipient or an attachment
	propAddress      = 0x3003
	propSMTP         = 0x39fe
	propRecipient    = 0x0c15
	propData         = 0x3701
	propFile         = 0x3704 // 8.3
	propMethod       = 0x3705
	propLongFile     = 0x3707
	propMIME         = 0x370e
	propContentID    = 0x3712
	propFlags        = 0x3714
	propHidden       = 0x7ffe
	propInternetPage = 0x3fde
	propMessagePage  = 0x3ffd
	propLocale       = 0x3ff1

	typeInt     = 0x0003
	typeBool    = 0x000b
	typeTime    = 0x0040
	typeANSI    = 0x001e
	typeUnicode = 0x001f
	typeBinary  = 0x0102
	typeObject  = 0x000d
)

// object is what carries properties: a message, a recipient, an attachment.
type object struct {
	r     *reader
	in    *ole.Storage
	fixed map[uint16]uint64 // those that fit in eight bytes
	page  string            // encoding of texts that are not Unicode, "" if not known
}

// open reads the fixed properties of a storage, which stand after a header of its
// kind's size.
func (r *reader) open(in *ole.Storage, header int, page string) *object {
	o := &object{r: r, in: in, fixed: map[uint16]uint64{}, page: page}
	s, has := in.Stream("__properties_version1.0")
	if !has {
		return o
	}
	b := r.read(s)
	for b = b[min(len(b), header):]; len(b) >= 16; b = b[16:] {
		switch kind, id := le.Uint16(b), le.Uint16(b[2:]); kind {
		case typeInt, typeBool, typeTime:
			o.fixed[id] = le.Uint64(b[8:])
		}
	}
	return o
}

// streamName is that of a property that has a stream, or a storage, of its own.
func streamName(id uint16, kind int) string { return fmt.Sprintf("__substg1.0_%04X%04X", id, kind) }

// stream returns the value of a property that has a stream of its own.
func (o *object) stream(id uint16, kind int) ([]byte, bool) {
	s, has := o.in.Stream(streamName(id, kind))
	if !has {
		return nil, false
	}
	return o.r.read(s), true
}

// text returns a text property, whichever way it is encoded.
func (o *object) text(id uint16) string {
	if b, has := o.stream(id, typeUnicode); has {
		return fromUTF16(b)
	}
	b, _ := o.stream(id, typeANSI)
	return strings.TrimRight(decode(b, o.page), "\x00")
}

func (o *object) int(id uint16) int { return int(int32(uint32(o.fixed[id]))) }

// time reads a FILETIME, 100 ns since 1601; the zero time for none.
func (o *object) time(id uint16) time.Time {
	const unixEpoch = 116444736000000000
	ticks := o.fixed[id]
	if ticks == 0 || ticks > 1<<61 {
		return time.Time{}
	}
	since := int64(ticks) - unixEpoch
	return time.Unix(since/1e7, since%1e7*100).UTC()
}

func fromUTF16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) > 1; b = b[2:] {
		units = append(units, le.Uint16(b))
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// decode reads bytes in a named encoding. Where the property's own encoding is
// known it is not guessed whether the bytes might be UTF-8, unless they are.
func decode(b []byte, page string) string {
	text, _ := charset.Decode(b, page)
	return text
}

// codePage names the encoding of a Windows code page.
func codePage(n int) string {
	switch {
	case n == 0:
		return ""
	case n == 65001 || n == 20127:
		return "utf-8"
	case n == 932:
		return "shift_jis"
	case n == 936:
		return "gbk"
	case n == 949:
		return "euc-kr"
	case n == 950:
		return "big5"
	case n == 20866:
		return "koi8-r"
	case n == 21866:
		return "koi8-u"
	case n == 50220 || n == 50221 || n == 50222:
		return "iso-2022-jp"
	case n == 51932:
		return "euc-jp"
	case n == 54936:
		return "gb18030"
	case n >= 28591 && n <= 28606:
		return fmt.Sprintf("iso-8859-%d", n-28590)
	case n == 866:
		return "ibm866"
	}
	name := fmt.Sprintf("windows-%d", n)
	if enc, _ := netcharset.Lookup(name); enc == nil {
		return ""
	}
	return name
}

// pageOfLocale gives the code page of the languages whose texts are not in the
// Western one (MS-LCID; the lower ten bits are the language).
func pageOfLocale(id int) int {
	switch id & 0x3ff {
	case 0:
		return 0
	case 0x05, 0x0e, 0x15, 0x18, 0x1b, 0x1c, 0x24: // Czech, Hungarian, Polish, Romanian, Slovak, Albanian, Slovenian
		return 1250
	case 0x1a: // Croatian, Serbian
		return 1250
	case 0x02, 0x19, 0x22, 0x23, 0x2f: // Bulgarian, Russian, Ukrainian, Belarusian, Macedonian
		return 1251
	case 0x08:
		return 1253
	case 0x1f:
		return 1254
	case 0x0d:
		return 1255
	case 0x01, 0x20, 0x29: // Arabic, Urdu, Persian
		return 1256
	case 0x25, 0x26, 0x27:
		return 1257
	case 0x2a:
		return 1258
	case 0x11:
		return 932
	case 0x12:
		return 949
	case 0x1e:
		return 874
	case 0x04:
		if id == 0x0804 || id == 0x1004 {
			return 936
		}
		return 950
	}
	return 1252
}
