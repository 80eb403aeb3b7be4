package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// MaxName is the most bytes of a collection's or tenant's name.
const MaxName = 128

// CheckName reports, as KindInvalid, why name cannot be the name of a
// collection: it has 1 to MaxName bytes of letters and digits of any script, '.',
// '_' and '-', and does not begin with a dot.
func CheckName(name string) error {
	switch {
	case name == "":
		return rag.Errorf(rag.KindInvalid, "a collection needs a name")
	case len(name) > MaxName:
		return rag.Errorf(rag.KindInvalid, "collection name %.40q has %d bytes; at most %d are allowed", name, len(name), MaxName)
	case !utf8.ValidString(name):
		return rag.Errorf(rag.KindInvalid, "collection name %q is not valid UTF-8", name)
	case name[0] == '.':
		return rag.Errorf(rag.KindInvalid, "collection name %q begins with a dot", name)
	}
	for _, r := range name {
		// Marks are the vowel signs and accents that many scripts write as
		// characters of their own.
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("._-", r) {
			return rag.Errorf(rag.KindInvalid, "collection name %q holds %q; letters, digits, '.', '_' and '-' are allowed", name, r)
		}
	}
	return nil
}

// CheckTenant reports, as KindInvalid, why tenant cannot name a tenant: it has 1
// to MaxName bytes of valid UTF-8 without control characters.
func CheckTenant(tenant string) error {
	if tenant == "" || len(tenant) > MaxName {
		return rag.Errorf(rag.KindInvalid, "tenant %.40q must have 1 to %d bytes", tenant, MaxName)
	}
	if !utf8.ValidString(tenant) || strings.ContainsFunc(tenant, unicode.IsControl) {
		return rag.Errorf(rag.KindInvalid, "tenant %q is not printable UTF-8", tenant)
	}
	return nil
}
