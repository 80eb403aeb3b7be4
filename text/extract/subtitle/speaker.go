package subtitle

import (
	"regexp"
	"strings"
	"unicode"
)

// utterance is what one person says within a cue.
type utterance struct {
	speaker string
	named   bool // speaker is known from this cue
	turn    bool // somebody else begins to speak
	text    []string
}

var (
	turnMark = regexp.MustCompile(`^(?:-|–|—|>>+)\s*`)
	prefix   = regexp.MustCompile(`^([\p{L}][\p{L}\p{N}.'’_-]*(?: [\p{L}\p{N}(][\p{L}\p{N}.'’()_-]*){0,3}):\s+(\S.*)$`)
)

// recurring returns the names that stand before what is said and are not written
// in capitals, but come up more than once: "Note:" and "Or:" are no names.
func recurring(cues []cue) map[string]bool {
	count := map[string]int{}
	for _, c := range cues {
		for _, l := range c.lines {
			if name, _, is := cutName(turnMark.ReplaceAllString(l.text, "")); is && unicode.IsUpper([]rune(name)[0]) {
				count[name]++
			}
		}
	}
	names := map[string]bool{}
	for name, n := range count {
		if n > 1 {
			names[name] = true
		}
	}
	return names
}

func cutName(s string) (name, rest string, is bool) {
	m := prefix.FindStringSubmatch(s)
	if m == nil || len(m[1]) > 40 {
		return "", s, false
	}
	return m[1], m[2], true
}

// utterances divides a cue among those who speak in it. Lines of one voice are put
// together again.
func (c cue) utterances(names map[string]bool) []utterance {
	var out []utterance
	dashes := 0
	for _, l := range c.lines {
		if turnMark.MatchString(l.text) {
			dashes++
		}
	}
	for _, l := range c.lines {
		u, text := utterance{speaker: l.voice, named: l.voice != ""}, l.text
		mark := turnMark.FindString(text)
		// One dash alone may be a thought that is cut off.
		if mark != "" && (dashes > 1 || strings.HasPrefix(mark, ">>")) {
			u.turn = true
			text = text[len(mark):]
		}
		if name, rest, is := cutName(text); is && (names[name] || strings.ToUpper(name) == name && len(name) > 1) {
			u.speaker, u.named, text = name, true, rest
		}
		if text == "" {
			continue
		}
		if n := len(out); n > 0 && !u.turn && (!u.named || u.speaker == out[n-1].speaker) {
			out[n-1].text = append(out[n-1].text, text)
			continue
		}
		u.text = []string{text}
		out = append(out, u)
	}
	return out
}
