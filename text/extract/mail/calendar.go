package mail

import (
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/text/clean"
)

// maxEvents bounds how many events of a calendar are shown.
const maxEvents = 200

// eventFields are shown of an event, in this order.
var eventFields = []struct{ key, label string }{
	{"SUMMARY", "Event"}, {"DTSTART", "Start"}, {"DTEND", "End"}, {"LOCATION", "Location"}, {"ORGANIZER", "Organizer"}, {"STATUS", "Status"},
	{"DESCRIPTION", "Description"},
}

// events returns the events and tasks of a calendar (RFC 5545), each as a few
// lines.
func events(calendar string) []string {
	var out []string
	var event map[string]string
	calendar = strings.ReplaceAll(calendar, "\r\n", "\n")
	calendar = strings.NewReplacer("\n ", "", "\n\t", "").Replace(calendar)
	alarm := false
	for line := range strings.SplitSeq(calendar, "\n") {
		key, value, _ := strings.Cut(line, ":")
		name, params, _ := strings.Cut(strings.ToUpper(key), ";")
		value = strings.TrimSpace(value)
		switch {
		case name == "BEGIN" && (value == "VEVENT" || value == "VTODO"):
			event = map[string]string{}
		case name == "BEGIN" && value == "VALARM", name == "END" && value == "VALARM":
			alarm = name == "BEGIN"
		case name == "END" && (value == "VEVENT" || value == "VTODO"):
			if text := eventText(event); text != "" && len(out) < maxEvents {
				out = append(out, text)
			}
			event = nil
		case event != nil && !alarm && event[name] == "":
			event[name] = eventValue(name, params, key, value)
		}
	}
	return out
}

func eventText(event map[string]string) string {
	var lines []string
	for _, f := range eventFields {
		if v := event[f.key]; v != "" {
			lines = append(lines, f.label+": "+v)
		}
	}
	return strings.Join(lines, "\n")
}

// eventValue makes a property's value readable.
func eventValue(name, params, key, value string) string {
	switch name {
	case "DTSTART", "DTEND":
		return eventTime(value, params)
	case "ORGANIZER":
		address := value
		if len(value) > 7 && strings.EqualFold(value[:7], "mailto:") {
			address = value[7:]
		}
		_, rest, _ := strings.Cut(key, "CN=")
		common, _, _ := strings.Cut(rest, ";")
		return Address(strings.Trim(common, `"`), address)
	}
	return clean.Line(strings.NewReplacer(`\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value))
}

// eventTime writes 20240131T090000Z as 2024-01-31 09:00 UTC, with the name of the
// zone where one is given.
func eventTime(value, params string) string {
	zone := ""
	if _, id, ok := strings.Cut(params, "TZID="); ok {
		id, _, _ = strings.Cut(id, ";")
		zone = " (" + clean.Line(strings.Trim(id, `"`)) + ")"
	}
	for _, l := range []struct{ in, out string }{
		{"20060102T150405Z", "2006-01-02 15:04 UTC"}, {"20060102T150405", "2006-01-02 15:04"}, {"20060102", "2006-01-02"},
	} {
		if t, err := time.Parse(l.in, value); err == nil {
			return t.Format(l.out) + zone
		}
	}
	return clean.Line(value)
}
