package store

import (
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits on what is kept of a source and its items.
const (
	MaxSources     = 1000     // of a collection
	MaxSettings    = 64 << 10 // bytes
	MaxCursor      = 1 << 20  // bytes
	MaxItemID      = 1024     // bytes
	MaxFingerprint = 1024     // bytes
	MaxReason      = 1024     // bytes; longer ones are cut
)

// CheckSource reports, as KindInvalid, all that keeps a source from being stored.
func CheckSource(s rag.Source) error {
	var faults []error
	if err := CheckName(s.Name); err != nil {
		faults = append(faults, rag.Errorf(rag.KindInvalid, "%q does not do as a name: 1 to %d bytes of letters, digits, '.', '_' and '-' are allowed, and no dot first", s.Name, MaxName))
	}
	if s.Kind == "" || len(s.Kind) > 64 {
		faults = append(faults, rag.Errorf(rag.KindInvalid, "the kind %.40q must have 1 to 64 bytes", s.Kind))
	}
	var object map[string]json.RawMessage
	switch {
	case len(s.Settings) > MaxSettings:
		faults = append(faults, rag.Errorf(rag.KindInvalid, "its settings have %d bytes; at most %d are kept", len(s.Settings), MaxSettings))
	case json.Unmarshal(s.Settings, &object) != nil || object == nil:
		faults = append(faults, rag.Errorf(rag.KindInvalid, "its settings are not a JSON object"))
	}
	faults = append(faults, s.Metadata.Validate(), CheckACL(s.ACL))
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "source")
}

// CheckItem reports, as KindInvalid, why an item cannot be kept.
func CheckItem(i rag.SourceItem) error {
	if err := checkText("item id", i.ID, MaxItemID); err != nil {
		return err
	}
	if i.ID == "" {
		return rag.Errorf(rag.KindInvalid, "an item needs an id")
	}
	if err := checkText("fingerprint", i.Fingerprint, MaxFingerprint); err != nil {
		return err
	}
	return checkText("external id", i.ExternalID, MaxExternalID)
}

// ParseSource reads into s what is kept as JSON in its row. A fault is KindInternal.
func ParseSource(s *rag.Source, settings, metadata, acl, report string) (err error) {
	s.Settings = json.RawMessage(settings)
	if s.Metadata, err = ParseMetadata(metadata); err != nil {
		return rag.Errorf(rag.KindInternal, "source row %d: %v", s.ID, err)
	}
	if s.ACL, err = ParseStrings(acl); err != nil {
		return rag.Errorf(rag.KindInternal, "source row %d: %v", s.ID, err)
	}
	if err := json.Unmarshal([]byte(report), &s.LastReport); err != nil {
		return rag.Errorf(rag.KindInternal, "source row %d: its report is damaged: %v", s.ID, err)
	}
	return nil
}

// NoSource says, as KindNotFound, that a collection has no such source.
func NoSource(name string) error {
	return rag.Errorf(rag.KindNotFound, "there is no source %.80q", name)
}

// NoItem says, as KindNotFound, that nothing is kept of an item.
func NoItem(id string) error {
	return rag.Errorf(rag.KindNotFound, "there is no item %.80q", id)
}

// CheckRoom reports why a collection, which has all sources and taken with the name, does
// not take one more: the name is in use (KindConflict), or it has as many as are kept
// (KindExhausted).
func CheckRoom(name string, taken, all int) error {
	switch {
	case taken > 0:
		return rag.Errorf(rag.KindConflict, "source %s exists already", name)
	case all >= MaxSources:
		return rag.Errorf(rag.KindExhausted, "the collection has %d sources; more are not kept", all)
	}
	return nil
}

// CheckKind reports, as KindConflict, that a source would become one of another kind.
func CheckKind(old, changed rag.Source) error {
	if old.Kind != changed.Kind {
		return rag.Errorf(rag.KindConflict, "source %s is of kind %s, not %s: remove it first, or choose another name", changed.Name, old.Kind, changed.Kind)
	}
	return nil
}

// CheckLease reports, as KindConflict, that another holder is reading a source, unless
// that one is known to be dead.
func CheckLease(s rag.Source, dead string, now time.Time) error {
	if s.Holder != "" && s.Holder != dead && now.Before(s.HeldUntil) {
		return rag.Errorf(rag.KindConflict, "source %s is being read by another process or call", s.Name)
	}
	return nil
}

// SourceRemoved says, as KindNotFound, that a source is gone to which a reading belongs.
func SourceRemoved() error {
	return rag.Errorf(rag.KindNotFound, "the source was removed while it was read")
}

// CheckReading reports, as KindConflict, that a reading is not the source's last: its
// lease had expired, and what it found may be older than what is kept.
func CheckReading(reading, last int64) error {
	if reading != last {
		return rag.Errorf(rag.KindConflict, "another process has begun to read the source")
	}
	return nil
}

// FormatReport writes the report with which a reading ends. KindInvalid says that the
// cursor beside it is too long to be kept.
func FormatReport(cursor []byte, report rag.SyncReport) (string, error) {
	if len(cursor) > MaxCursor {
		return "", rag.Errorf(rag.KindInvalid, "the source's cursor has %d bytes; at most %d are kept", len(cursor), MaxCursor)
	}
	data, err := json.Marshal(report)
	return string(data), rag.Wrap(rag.KindInternal, err, "end reading")
}

// Cut bounds a message for people to MaxReason bytes, between two characters.
func Cut(text string) string {
	if len(text) <= MaxReason {
		return text
	}
	end := MaxReason
	for end > 0 && !utf8.RuneStart(text[end]) { // within a character
		end--
	}
	return text[:end]
}
