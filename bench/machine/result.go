package machine

import (
	"encoding/json"
	"os"
)

// WriteRows writes a result file: what the benchmark ran on, and its rows.
func WriteRows(path string, rows any) error {
	content, err := json.MarshalIndent(struct {
		Machine Description `json:"machine"`
		Rows    any         `json:"rows"`
	}{Describe(), rows}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}
