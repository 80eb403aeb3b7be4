package remote

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEachEvent(t *testing.T) {
	broken := errors.New("broken")
	line := strings.Repeat("x", MaxEventBytes)
	half := "data: " + strings.Repeat("x", MaxEventBytes/2) + "\n"
	tests := []struct {
		name string
		text string
		want []string
		err  error
	}{
		{"events", "data: a\n\ndata:b\n\n", []string{"a", "b"}, io.EOF},
		{"lines of one event", "data: a\ndata: b\n\n", []string{"a\nb"}, io.EOF},
		{"other fields and comments", ":hello\nevent: e\nid: 7\nretry: 5\ndata: a\n\n:\n\n", []string{"a"}, io.EOF},
		{"no empty line at the end", "data: a\n\ndata: b", []string{"a", "b"}, io.EOF},
		{"the last", "data: a\n\ndata: last\n\ndata: c\n\n", []string{"a", "last"}, nil},
		{"the last without an empty line", "data: last", []string{"last"}, nil},
		{"byte order mark", "\ufeffdata: a\n\n", []string{"a"}, io.EOF},
		{"nothing", "", nil, io.EOF},
		{"an error of the taker", "data: bad\n\ndata: c\n\n", []string{"bad"}, broken},
		{"a line that is too long", "data: a\n\ndata: " + line, []string{"a"}, ErrTooLong},
		{"an event that is too long", half + half + half + "\n", nil, ErrTooLong},
		{"a stream that is too long", strings.Repeat(half+"\n", MaxStreamBytes/len(half)+2), nil, ErrTooLong},
	}
	for _, tt := range tests {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(tt.text), "by bytes": iotest.OneByteReader(strings.NewReader(tt.text))} {
			if name == "by bytes" && len(tt.text) > MaxEventBytes {
				continue
			}
			var got []string
			err := EachEvent(r, func(data []byte) (bool, error) {
				got = append(got, string(data))
				if string(data) == "bad" {
					return false, broken
				}
				return string(data) == "last", nil
			})
			if err != tt.err || (tt.want != nil && !slices.Equal(got, tt.want)) {
				t.Errorf("%s, %s: %.60q, %v", tt.name, name, got, err)
			}
		}
	}
}

func TestEachLine(t *testing.T) {
	var got []string
	take := func(line []byte) (bool, error) {
		got = append(got, string(line))
		return false, nil
	}
	if err := EachLine(strings.NewReader("{\"a\":1}\r\n\n {\"b\":2} \n{\"c\":3}"), take); err != io.EOF || !slices.Equal(got, []string{`{"a":1}`, `{"b":2}`, `{"c":3}`}) {
		t.Errorf("%q, %v", got, err)
	}
	broken := errors.New("broken")
	for _, cut := range []string{"{}\n{", "{}\n"} {
		got = nil
		if err := EachLine(io.MultiReader(strings.NewReader(cut), iotest.ErrReader(broken)), take); err != broken || !slices.Equal(got, []string{"{}"}) {
			t.Errorf("%q: %q, %v", cut, got, err)
		}
	}
}

func TestNearestStatus(t *testing.T) {
	for _, tt := range []struct {
		e    APIError
		want int
	}{
		{APIError{Value: 429.0}, 429},
		{APIError{Value: "503"}, 503},
		{APIError{Value: 7.0, Type: "overloaded_error"}, 503},
		{APIError{Value: "insufficient_quota"}, 429},
		{APIError{Type: "authentication_error"}, 401},
		{APIError{Type: "invalid_request_error"}, 400},
		{APIError{Message: "something"}, 500},
	} {
		if got := tt.e.nearestStatus(); got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.e, got, tt.want)
		}
	}
}
