package rag

import "time"

// JobID is a time-ordered UUID (version 7, RFC 9562) in text form.
type JobID string

// JobKind is what a job does.
type JobKind string

const (
	JobAdd  JobKind = "add"  // adds the documents that were handed in with it
	JobSync JobKind = "sync" // brings what a source holds up to date
)

// JobState tells how far a job has come.
type JobState string

const (
	JobQueued    JobState = "queued"    // waits for its turn, the first or, after a fault that may pass, another
	JobRunning   JobState = "running"   // a process works on it
	JobDone      JobState = "done"      // every item has its verdict; some of them may have failed
	JobFailed    JobState = "failed"    // the whole could not go on; Error says why
	JobCancelled JobState = "cancelled" // somebody ended it; what was done stays
)

// Ended reports whether nothing more becomes of a job in this state unless it is
// tried again.
func (s JobState) Ended() bool { return s == JobDone || s == JobFailed || s == JobCancelled }

// Job is work that takes time and outlives the request, and the process, that began
// it.
type Job struct {
	ID           JobID
	Tenant       string
	CollectionID int64
	Collection   string // name
	Kind         JobKind
	Name         string   // for people: the file, "12 files", the source
	Source       string   // of a JobSync: the source's name
	Again        bool     // of a JobSync: see SyncOptions
	AllowEmpty   bool     // of a JobSync: see SyncOptions
	Force        bool     // of a JobSync: see SyncOptions
	Principals   []string // who asked for it; they and administrators see it, a JobSync only the latter
	Admin        bool     // they manage the tenant, and may replace what they may not see
	Key          string   // name of the API key that is charged
	State        JobState
	Error        string // of JobFailed, or of the last try of one that waits for another
	Cancelling   bool   // somebody has asked for its end, and a process still works on it
	Tries        int    // turns that were begun, with those that a crash ended
	Progress     Progress
	CreatedAt    time.Time
	StartedAt    time.Time // of its first turn
	UpdatedAt    time.Time
	EndedAt      time.Time
	NotBefore    time.Time // of JobQueued: when it is tried again
	HeldUntil    time.Time // of JobRunning: whoever works on it says so again before that
}

// Interrupted reports whether the process that worked on the job has fallen silent, since
// it was killed or its machine stands still: another goes on with it, if there is one.
func (j Job) Interrupted(now time.Time) bool {
	return j.State == JobRunning && !j.HeldUntil.IsZero() && !now.Before(j.HeldUntil)
}

// Progress counts what a job has done. Its fields only grow while the job runs,
// but those of items that are tried again are taken back first.
type Progress struct {
	Items     int    `json:"items"` // that are known so far
	Complete  bool   `json:"complete"`
	Done      int    `json:"done"` // of Items: those that have their verdict, the sum of the next six
	Added     int    `json:"added"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Deleted   int    `json:"deleted"`
	Skipped   int    `json:"skipped"`
	Failed    int    `json:"failed"`
	Bytes     int64  `json:"bytes"` // read
	Pages     int    `json:"pages"`
	Chunks    int    `json:"chunks"`   // of the documents
	Embedded  int    `json:"embedded"` // chunks whose embedding was computed
	Tokens    int64  `json:"tokens"`   // of these
	Cost      Money  `json:"cost"`     // of these, at the price that is known
	Currency  string `json:"currency,omitempty"`
	// Took is the time that was worked on it, without that it waited.
	Took time.Duration `json:"took"`
}

// Count adds the verdict on one item.
func (p *Progress) Count(res AddResult) {
	p.Done++
	switch res.State {
	case Added:
		p.Added++
	case Updated:
		p.Updated++
	case Unchanged:
		p.Unchanged++
	case Skipped:
		p.Skipped++
	case Removed:
		p.Deleted++
	default:
		p.Failed++
	}
	p.Bytes += res.Bytes
	p.Pages += res.Pages
	p.Chunks += res.Chunks
	p.Embedded += res.Embedded
	p.Tokens += int64(res.EmbeddedTokens)
}

// Left estimates the time that a running job still takes, from the time that its
// items took so far; negative where that cannot be said.
func (p Progress) Left() time.Duration {
	if !p.Complete || p.Done == 0 || p.Took <= 0 {
		return -1
	}
	return time.Duration(float64(p.Took) / float64(p.Done) * float64(p.Items-p.Done))
}

// JobItem is one of the inputs of a job.
type JobItem struct {
	Number int // from 1, in the order in which they were handed in
	Input  StoredInput
	// State is "" before there is a verdict.
	State      AddState
	Error      string // of Failed and Skipped
	Kind       Kind   // of Error
	Tries      int
	DocumentID DocumentID
	Chunks     int
	Warnings   []string
}

// StoredInput is an Input whose content is kept among the originals. Passwords are
// never stored: an encrypted file of a job that is tried again needs it anew.
type StoredInput struct {
	ExternalID string    `json:"external_id,omitempty"`
	Title      string    `json:"title,omitempty"`
	Source     string    `json:"source,omitempty"`
	Name       string    `json:"name,omitempty"`
	IsText     bool      `json:"is_text,omitempty"` // it came as Text, not as Content
	MediaType  string    `json:"media_type,omitempty"`
	Metadata   Metadata  `json:"metadata,omitempty"`
	ACL        []string  `json:"acl,omitempty"`
	ModifiedAt time.Time `json:"modified_at,omitzero"`
	Force      bool      `json:"force,omitempty"`

	SHA256 string `json:"-"` // of the content
	Bytes  int64  `json:"-"`
}

// JobQuery chooses jobs of a listing.
type JobQuery struct {
	ListOptions
	States []JobState // only these; nil is all
}
