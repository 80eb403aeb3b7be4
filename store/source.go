package store

import (
	"encoding/json"
	"errors"

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
