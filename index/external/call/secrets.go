package call

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Secrets are sent with every call, by the names of their headers. No value of theirs is in an error.
type Secrets map[string]string

// Validate reports all values that no header can have.
func (s Secrets) Validate() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if strings.ContainsAny(s[name], "\r\n\x00") {
			faults = append(faults, fmt.Errorf("the value of the header %s has a line break in it", name))
		}
	}
	return errors.Join(faults...)
}

// Set puts them into the header of a request.
func (s Secrets) Set(h http.Header) {
	for name, value := range s {
		h.Set(name, value)
	}
}

// Clean makes a server's words fit to be shown: see Clean. A key is taken out also where it stands without the scheme that it is sent with, as in "Bearer KEY".
func (s Secrets) Clean(message string) string {
	var values []string
	for _, value := range s {
		_, key, _ := strings.Cut(value, " ")
		values = append(values, value, key)
	}
	return Clean(message, values...)
}

// maxMessage bounds what is told of a server's words, in bytes.
const maxMessage = 300

// Clean makes a server's words fit to be shown: on one line, short, and without secrets.
func Clean(message string, secrets ...string) string {
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	for _, secret := range secrets {
		if secret != "" {
			message = strings.ReplaceAll(message, secret, "***")
		}
	}
	message = strings.ToValidUTF8(strings.Join(strings.Fields(message), " "), "")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + " ..."
	}
	return message
}
