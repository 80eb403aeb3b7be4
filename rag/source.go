package rag

import (
	"encoding/json"
	"time"
)

// Source is a place that documents come from, again and again: a folder, a site,
// a feed, a repository, a bucket. It belongs to one collection.
type Source struct {
	ID           int64  `json:"-"` // the store's own number
	CollectionID int64  `json:"-"`
	Tenant       string `json:"-"`
	Collection   string `json:"collection,omitempty"`

	Name string `json:"name"` // unique in the collection; named as collections are
	Kind string `json:"kind"` // which package reads it: folder, web, feed, git, s3, ...
	// Settings are the kind's own, a JSON object. They hold no secret: a secret is
	// named there and stands in the configuration.
	Settings json.RawMessage `json:"settings"`
	Metadata Metadata        `json:"metadata,omitempty"` // laid over that of each document
	ACL      []string        `json:"acl,omitempty"`      // of documents whose own the source does not know

	CreatedAt   time.Time  `json:"created_at"`
	LastRun     time.Time  `json:"last_run"`     // when the last reading began; zero before the first
	LastSuccess time.Time  `json:"last_success"` // when the last one that succeeded ended; zero before
	LastError   string     `json:"last_error"`   // of the whole, "" if the last reading succeeded
	LastReport  SyncReport `json:"last_report"`

	Items   int `json:"items"`   // known
	Failing int `json:"failing"` // of these, whose last reading failed

	Cursor  []byte `json:"-"` // what the source left for its next reading
	Reading int64  `json:"-"` // number of the last reading, from 1
	// Holder names the process that is reading the source, until HeldUntil, "" if
	// none is. It is renewed as long as that process lives.
	Holder    string    `json:"-"`
	HeldUntil time.Time `json:"-"`
}

// SourceItem is what is kept of one item of a source.
type SourceItem struct {
	ID          string `json:"id"` // within its source
	Fingerprint string `json:"-"`
	ExternalID  string `json:"external_id"` // of its document; documents within it are called EXTERNAL_ID!/NAME
	// Kind and Reason say why it could not be read the last time, "" if it could.
	// Skipped items hold nothing: only Reason is set.
	Kind   Kind   `json:"kind,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Removed is the SHA-256 of the document that somebody deleted, "" if nobody did.
	// It comes back when the item has other content.
	Removed   string    `json:"removed,omitempty"`
	Reading   int64     `json:"-"` // the reading that last told of it
	UpdatedAt time.Time `json:"updated_at"`
}

// MayPass reports whether the reason for which an item failed may be gone the next
// time although the item is the same.
func (i SourceItem) MayPass() bool {
	switch i.Kind {
	case "", KindInvalid, KindUnauthorized, KindExhausted:
		return false
	}
	return true
}

// SyncOptions say how a source is read.
type SyncOptions struct {
	// DryRun reads the source and says what would become of its items, and stores
	// nothing.
	DryRun bool
	// Again also reads the items that failed for a reason of their own, and those
	// whose documents were deleted by hand, although they have not changed.
	Again bool
	// Force also reads the items that have not changed, and reads and cuts their documents
	// again (Input.Force). What was deleted by hand stays away.
	Force bool
	// Prepare, if set, changes each input before it is read: it adds what is not
	// kept, such as passwords.
	Prepare func(*Input)
	// AllowEmpty deletes everything where a source is empty all at once; otherwise that
	// is KindRefused, since a disk that is not mounted looks the same.
	AllowEmpty bool
}

// SyncEvent tells of one item while a source is read.
type SyncEvent struct {
	Item string // its id; "" where the event is of the whole
	Path string // its external id
	// Begun says that the item is about to be read. Otherwise Result is what became of
	// it; of an item that holds several documents there is a result for each.
	Begun  bool
	Result AddResult
	// NotTaken says that the item is no document: it was not asked for, or its format
	// is not supported. Result.Err says which.
	NotTaken bool
	// Estimate is what reading it would come to, in a dry run.
	Estimate DocumentEstimate
	// Wait is how long the reading stands still, because of Result.Err.
	Wait time.Duration
}

// SyncReport sums up a reading. Counts are of documents.
type SyncReport struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"` // empty, or not taken as documents
	Deleted   int `json:"deleted"`
	Failed    int `json:"failed"`

	Chunks   int           `json:"chunks"`   // of documents that were added or updated
	Embedded int           `json:"embedded"` // of these
	Bytes    int64         `json:"bytes"`    // read
	Tries    int           `json:"tries"`    // readings of the whole, 1 if the first succeeded
	Complete bool          `json:"complete"` // whether all items were told of, so that what is gone was deleted
	Took     time.Duration `json:"took_ns"`
	Failures []SyncFailure `json:"failures,omitempty"` // the first 20
	// Settings identifies how documents were read when a reading last succeeded.
	Settings string `json:"settings,omitempty"`
}

// SyncFailure is an item that could not be read or stored.
type SyncFailure struct {
	Path   string `json:"path"`
	Kind   Kind   `json:"kind"`
	Reason string `json:"reason"`
}

// MaxFailures is how many failures a SyncReport lists.
const MaxFailures = 20

// Count adds the verdict on one document.
func (r *SyncReport) Count(path string, res AddResult) {
	r.Bytes += res.Bytes
	switch res.State {
	case Added:
		r.Added++
	case Updated:
		r.Updated++
	case Unchanged:
		r.Unchanged++
	case Skipped:
		r.Skipped++
	case Removed:
		r.Deleted++
	case Failed:
		r.Failed++
		if len(r.Failures) < MaxFailures {
			f := SyncFailure{Path: path, Kind: KindOf(res.Err)}
			if res.Err != nil {
				f.Reason = res.Err.Error()
			}
			r.Failures = append(r.Failures, f)
		}
	}
	if res.State == Added || res.State == Updated {
		r.Chunks += res.Chunks
		r.Embedded += res.Embedded
	}
}
