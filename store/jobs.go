package store

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
)

// KeptSyncs is how many jobs of a source are kept that have ended.
const KeptSyncs = 20

// NoJob says, as KindNotFound, that there is no such job, or none that may be seen.
func NoJob(id rag.JobID) error {
	return rag.Errorf(rag.KindNotFound, "there is no job %.64q", string(id))
}

// JobKey is a job's id as 16 bytes. Text that is no UUID names no job, so it is
// KindNotFound.
func JobKey(id rag.JobID) ([]byte, error) {
	if key := parseKey(string(id)); key != nil {
		return key, nil
	}
	return nil, NoJob(id)
}

// parseKey reads a UUID in its usual form, nil if text is none.
func parseKey(text string) []byte {
	u, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return nil
	}
	return u[:]
}

// ParseJob reads into job what is kept as JSON in its row. A fault is KindInternal.
func ParseJob(job *rag.Job, row int64, principals, progress string) error {
	err := json.Unmarshal([]byte(principals), &job.Principals)
	if err == nil {
		err = json.Unmarshal([]byte(progress), &job.Progress)
	}
	if err != nil {
		return rag.Errorf(rag.KindInternal, "job row %d is damaged: %v", row, err)
	}
	return nil
}

// ParseJobItem reads into an item what is kept as JSON in a row of the job with the
// given row. The content, which the item may have let go of, has columns of its own. A
// fault is KindInternal.
func ParseJobItem(item *rag.JobItem, job int64, input, sha256 string, bytes int64, warnings string) error {
	err := json.Unmarshal([]byte(input), &item.Input)
	if err == nil {
		err = json.Unmarshal([]byte(warnings), &item.Warnings)
	}
	if err != nil {
		return rag.Errorf(rag.KindInternal, "item %d of job row %d is damaged: %v", item.Number, job, err)
	}
	item.Input.SHA256, item.Input.Bytes = sha256, bytes
	return nil
}

// NewProgress is that of a job that is made with these items, some of which may have
// their verdict already.
func NewProgress(kind rag.JobKind, items []rag.JobItem) rag.Progress {
	progress := rag.Progress{Items: len(items), Complete: kind == rag.JobAdd}
	for _, it := range items {
		if it.State != "" {
			progress.Count(rag.AddResult{State: it.State})
		}
	}
	return progress
}

// Recount takes the counts of items from the items: those that a holder stored before
// it was killed may be of a moment before or after its last verdicts.
func Recount(p *rag.Progress, items map[rag.AddState]int) {
	p.Added, p.Updated, p.Unchanged, p.Skipped, p.Failed = items[rag.Added], items[rag.Updated], items[rag.Unchanged], items[rag.Skipped], items[rag.Failed]
	p.Done = p.Added + p.Updated + p.Unchanged + p.Skipped + p.Failed
}

// Retried is the progress with which a job is tried again: that of an addition without
// the items that failed, none of a sync. KindConflict says that it has not ended,
// KindInvalid that nothing is to be tried again.
func Retried(job rag.Job) (rag.Progress, error) {
	p := job.Progress
	switch {
	case !job.State.Ended():
		return p, rag.Errorf(rag.KindConflict, "job %s has not ended yet", job.ID)
	case job.Kind != rag.JobAdd:
		return rag.Progress{}, nil
	}
	p.Done -= p.Failed
	p.Failed = 0
	if p.Done == p.Items {
		return p, rag.Errorf(rag.KindInvalid, "nothing of job %s has failed", job.ID)
	}
	return p, nil
}

// SyncIsOpen says, as KindConflict, that a source has a job that has not ended.
func SyncIsOpen(source string, id rag.JobID) error {
	return rag.Errorf(rag.KindConflict, "source %s is being read by job %s, or about to be", source, id)
}

// CheckEnded reports, as KindConflict, that a job cannot be removed yet.
func CheckEnded(job rag.Job) error {
	if !job.State.Ended() {
		return rag.Errorf(rag.KindConflict, "job %s has not ended yet; cancel it first", job.ID)
	}
	return nil
}

// CheckHolder reports, as KindConflict, that it is not holder (any more) who works on a
// job that is kept in state for keptFor.
func CheckHolder(id rag.JobID, holder, keptFor string, state rag.JobState) error {
	if keptFor != holder || state != rag.JobRunning {
		return rag.Errorf(rag.KindConflict, "job %s is worked on by another process", id)
	}
	return nil
}
