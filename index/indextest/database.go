package indextest

import (
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/index/external"
)

// DatabaseFixture is a vector database under test, on a server that other tests may use at the same time.
type DatabaseFixture struct {
	DB external.Database
	// Another opens one more client of the same server, as another process has. Who opens a fixture closes its databases.
	Another func(t testing.TB) external.Database

	// Stop takes the server away, so that nobody can connect, and cuts what is connected; Start brings it back at the same address with what it held. A
	// Gate does both. Nil where the test cannot.
	Stop, Start func(t testing.TB)
	// Restart ends the server and starts it again at the same address, on the same disk. Nil where the test cannot.
	Restart func(t testing.TB)

	// Stranger opens a client with a wrong key or password. Nil where the server asks for none.
	Stranger func(t testing.TB) external.Database
	// Secrets are the passwords and keys of all these clients: no error may hold one.
	Secrets []string

	// Cannot names what the product cannot promise, each with the reason, which the test logs.
	Cannot map[Promise]string
}

// Promise is something that a product may be unable to keep. All else is asked of every adapter.
type Promise string

// The promises that a fixture may take back.
const (
	// SeenElsewhere is that a change that was acknowledged is seen at once by the searches of other processes. Without it they see it in the end.
	SeenElsewhere Promise = "changes are seen at once by other processes"
	// WholeItems is that of several writers of one id at a time one wins, with all of its item.
	WholeItems Promise = "writers of one id leave the item of one of them"
	// GoneIsGone is that a space that was dropped does not come back when somebody writes to it who has it open.
	GoneIsGone Promise = "a write does not bring a dropped space back"
)

type databasePart struct {
	name string
	run  func(testing.TB, DatabaseFixture)
}

var databaseParts = []databasePart{
	{"EmptySpace", testEmptySpace},
	{"UpsertReplaceDelete", testUpsertReplaceDelete},
	{"DeleteWhere", testDeleteWhere},
	{"Conditions", testConditions},
	{"HardTags", testHardTags},
	{"ConditionsOfManyTags", testManyTags},
	{"ConditionsOfManyIDs", testManyIDs},
	{"Scores", testScores},
	{"EqualScores", testEqualScores},
	{"Words", testWords},
	{"LargeIDs", testLargeIDs},
	{"Paging", testPaging},
	{"FullBatches", testFullBatches},
	{"LargeBatches", testLargeBatches},
	{"WrongDimensions", testWrongDimensions},
	{"ReadYourWrites", testReadYourWrites},
	{"History", testDatabaseHistory},
	{"DisjointWriters", testDisjointWriters},
	{"WritersOfOneID", testWritersOfOneID},
	{"OpenTogether", testOpenTogether},
	{"TwoProcesses", testTwoProcesses},
	{"Spaces", testSpaces},
	{"Dropped", testDropped},
	{"Describe", testDescribe},
	{"Restart", testRestart},
	{"Unreachable", testUnreachable},
	{"CancelledCalls", testCancelledCalls},
	{"Closed", testClosed},
	{"Strangers", testStrangers},
}

// Database runs the suite of adapters: every part with a fixture of its own, in spaces of its own, which it drops.
func Database(t *testing.T, open func(t *testing.T) DatabaseFixture) {
	for _, p := range databaseParts {
		t.Run(p.name, func(t *testing.T) { p.against(t, open(t)) })
	}
}

// against runs a part and watches the errors that come out of it.
func (p databasePart) against(t testing.TB, f DatabaseFixture) {
	secrets := append(slices.Clone(f.Secrets), privateText)
	f.DB = watch(t, f.DB, secrets)
	if open := f.Another; open != nil {
		f.Another = func(t testing.TB) external.Database { return watch(t, open(t), secrets) }
	}
	if open := f.Stranger; open != nil {
		f.Stranger = func(t testing.TB) external.Database { return watch(t, open(t), secrets) }
	}
	p.run(t, f)
}

// cannot reports whether a fixture takes a promise back, and logs why.
func (f DatabaseFixture) cannot(t testing.TB, p Promise) bool {
	t.Helper()
	why, ok := f.Cannot[p]
	if ok {
		t.Logf("not promised: %s: %s", p, why)
	}
	return ok
}
