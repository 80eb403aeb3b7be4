package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Decode reads an answer of JSON into v. Its error says what is wrong with the
// answer, and begins with "it".
func Decode(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	// NaN and Infinity are no JSON, but what some servers print.
	if at, ok := errors.AsType[*json.SyntaxError](err); ok && at.Offset > 0 {
		rest := body[at.Offset-1 : min(int64(len(body)), at.Offset+3)]
		rest = bytes.ToLower(bytes.TrimPrefix(rest, []byte("-")))
		if bytes.HasPrefix(rest, []byte("nan")) || bytes.HasPrefix(rest, []byte("inf")) {
			return errors.New("it holds a number that is not finite")
		}
	}
	return fmt.Errorf("it is malformed: %w", err)
}
