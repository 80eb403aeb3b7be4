package reranktest

import "github.com/smartretriever/smartretriever/model/remote/remotetest"

// Fault is what becomes of a request. The zero value is none.
type Fault struct {
	remotetest.Fault
	spoil func([]item) []item // changes the answer
}

// Faults of servers.
var (
	None           = Fault{}
	Failing        = Fault{Fault: remotetest.Failing}
	Overloaded     = Fault{Fault: remotetest.Overloaded}
	Unauthorized   = Fault{Fault: remotetest.Unauthorized}
	Redirect       = Fault{Fault: remotetest.Redirect}
	ContentRefused = Fault{Fault: remotetest.ContentRefused}
	Cut            = Fault{Fault: remotetest.Cut}
	Silent         = Fault{Fault: remotetest.Silent}
	Malformed      = Fault{Fault: remotetest.Malformed}
	Empty          = Fault{Fault: remotetest.Empty}
	OtherTypes     = Fault{Fault: remotetest.OtherTypes}
	Giant          = Fault{Fault: remotetest.Giant}

	NotANumber = Answering(200, `[NaN]`)

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

// Answering is a status and a body instead of the answer.
func Answering(status int, body string) Fault {
	return Fault{Fault: remotetest.Fault{Status: status, Body: body}}
}

// Busy is a server that asks to come back later; after is the header's value, ""
// for none.
func Busy(after string) Fault { return Fault{Fault: remotetest.Busy(after)} }

// First returns a schedule in which the first n requests have the fault.
func First(n int, f Fault) func(int) Fault { return remotetest.First(n, f) }

// After returns a schedule in which all requests but the first n have the fault.
func After(n int, f Fault) func(int) Fault { return remotetest.After(n, f) }

// Always returns a schedule in which every request has the fault.
func Always(f Fault) func(int) Fault { return remotetest.Always(f) }
