package reranktest

import "strings"

// Fault is what becomes of a request. The zero value is none.
type Fault struct {
	Status     int    // instead of 200
	RetryAfter string // header
	Body       string // instead of the answer
	Cut        bool   // the body ends in its midst
	Silent     bool   // nothing is answered until the caller goes
	spoil      func([]item) []item
}

// Faults of servers.
var (
	None           = Fault{}
	Failing        = Fault{Status: 500, Body: `{"error":{"message":"out of memory"}}`}
	Overloaded     = Fault{Status: 503, Body: `overloaded`}
	Unauthorized   = Fault{Status: 401, Body: `{"error":{"message":"wrong key"}}`}
	Redirect       = Fault{Status: 307}
	Cut            = Fault{Cut: true}
	Silent         = Fault{Silent: true}
	Malformed      = Fault{Body: `<html>welcome</html>`}
	Empty          = Fault{Status: 200}
	OtherTypes     = Fault{Body: `"none"`}
	Giant          = Fault{Body: strings.Repeat(" ", 4<<20)}
	NotANumber     = Fault{Body: `[NaN]`}
	ContentRefused = Fault{Status: 400, Body: `{"error":{"code":"content_filter","message":"the text is not allowed"}}`}

	Null           = spoiling(func(all []item) { all[0].Value = nil })
	Words          = spoiling(func(all []item) { all[0].Value = "high" })
	DuplicateIndex = spoiling(func(all []item) { all[0].Index = all[len(all)-1].Index })
	IndexTooGreat  = spoiling(func(all []item) { all[0].Index = len(all) })
	IndexTooSmall  = spoiling(func(all []item) { all[0].Index = -1 })
	IndexNotWhole  = spoiling(func(all []item) { all[0].Index = 0.5 })
	NoIndex        = spoiling(func(all []item) { all[0].Index = nil })
	MissingItem    = Fault{spoil: func(all []item) []item { return all[1:] }}
	SurplusItem    = Fault{spoil: func(all []item) []item { return append(all, all[0]) }}
	NoItems        = Fault{spoil: func([]item) []item { return []item{} }}
)

func spoiling(change func(all []item)) Fault {
	return Fault{spoil: func(all []item) []item { change(all); return all }}
}

// Busy is a server that asks to come back later; after is the header's value, ""
// for none.
func Busy(after string) Fault {
	return Fault{Status: 429, RetryAfter: after, Body: `{"error":{"message":"slow down"}}`}
}

// First returns a schedule in which the first n requests have the fault.
func First(n int, f Fault) func(int) Fault {
	return func(request int) Fault {
		if request <= n {
			return f
		}
		return None
	}
}

// After returns a schedule in which all requests but the first n have the fault.
func After(n int, f Fault) func(int) Fault {
	return func(request int) Fault {
		if request > n {
			return f
		}
		return None
	}
}

// Always returns a schedule in which every request has the fault.
func Always(f Fault) func(int) Fault { return After(0, f) }
