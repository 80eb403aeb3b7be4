package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// DecodeSettings reads a source's settings, a JSON object, into the struct of its
// kind. A member that the struct does not have is a fault, KindInvalid, as it is
// most likely misspelt.
func DecodeSettings(kind string, settings json.RawMessage, into any) error {
	dec := json.NewDecoder(bytes.NewReader(settings))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil && !errors.Is(dec.Decode(new(json.RawMessage)), io.EOF) {
		err = errors.New("something follows the object")
	}
	return rag.Wrap(rag.KindInvalid, err, fmt.Sprintf("settings of a source of kind %s", kind))
}
