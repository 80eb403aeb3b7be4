package openai

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
)

// maxBatch is how many files OpenAI takes in one batch.
const maxBatch = 2000

type batchObject struct {
	ID            string     `json:"id"`
	Object        string     `json:"object"`
	CreatedAt     int64      `json:"created_at"`
	VectorStoreID string     `json:"vector_store_id"`
	Status        string     `json:"status"`
	FileCounts    fileCounts `json:"file_counts"`
}

// A batch's id is "vsfb_", a UUID that holds the time, "_", and the number of
// files that were handed in.
func batchID(total int) string { return newID(batchPrefix) + "_" + strconv.Itoa(total) }

func parseBatchID(id string) (created int64, total int, ok bool) {
	head, count, ok := cutLast(id, "_")
	if !ok {
		return 0, 0, false
	}
	u, ok := uuidOf(head, batchPrefix)
	total, err := strconv.Atoi(count)
	if !ok || err != nil || total < 1 || total > maxBatch || u.Version() != 7 {
		return 0, 0, false
	}
	return uuidTime(u), total, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// uuidTime returns the Unix seconds in a UUID of version 7 (RFC 9562: the first 48
// bits are milliseconds).
func uuidTime(u uuid.UUID) int64 {
	var milli int64
	for _, b := range u[:6] {
		milli = milli<<8 | int64(b)
	}
	return milli / 1000
}

func (h *handlers) createBatch(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	scope, _, err := h.store(ctx, r.PathValue("store"))
	if err != nil {
		return err
	}
	var req struct {
		FileIDs          []string          `json:"file_ids"`
		Files            []attachment      `json:"files"`
		Attributes       rag.Metadata      `json:"attributes"`
		ChunkingStrategy *chunkingStrategy `json:"chunking_strategy"`
	}
	if err := h.decode(r, &req); err != nil {
		return err
	}
	if len(req.FileIDs) > 0 && len(req.Files) > 0 {
		return invalid("files", "file_ids and files cannot be given together")
	}
	files := req.Files
	if len(files) == 0 {
		files = attachments(req.FileIDs)
		for i := range files {
			files[i].Attributes, files[i].ChunkingStrategy = req.Attributes, req.ChunkingStrategy
		}
	}
	if len(files) == 0 || len(files) > maxBatch {
		return invalid("file_ids", "a batch takes 1 to %d files, not %d", maxBatch, len(files))
	}
	if files, err = h.uploaded(ctx, scope, files); err != nil {
		return err
	}
	id := batchID(len(files))
	if _, err := h.attach(ctx, scope, files, id); err != nil {
		return err
	}
	return h.replyBatch(w, r, id)
}

func (h *handlers) getBatch(w http.ResponseWriter, r *http.Request) error {
	return h.replyBatch(w, r, r.PathValue("batch"))
}

// cancelBatch finds nothing to cancel, as a batch is done when it is made, and
// answers with the batch as it is.
func (h *handlers) cancelBatch(w http.ResponseWriter, r *http.Request) error {
	return h.replyBatch(w, r, r.PathValue("batch"))
}

// replyBatch counts the batch's members that are in the store. Those that are not
// could not be added, or have been removed or added anew since, which cannot be
// told apart; they count as failed.
func (h *handlers) replyBatch(w http.ResponseWriter, r *http.Request, id string) error {
	scope, c, err := h.store(r.Context(), r.PathValue("store"))
	if err != nil {
		return err
	}
	created, total, ok := parseBatchID(id)
	if !ok {
		return noBatch(id)
	}
	members, _, err := h.documents(r.Context(), scope, page{limit: maxBatch}, rag.Eq(batchKey, rag.Str(id)))
	if err != nil {
		return err
	}
	done := min(len(members), total)
	status := "completed"
	if done == 0 {
		status = "failed"
	}
	return reply(w, batchObject{
		ID: id, Object: "vector_store.files_batch", CreatedAt: created, VectorStoreID: storeID(c.Name), Status: status,
		FileCounts: fileCounts{Completed: done, Failed: total - done, Total: total},
	})
}

func noBatch(id string) error {
	return coded(rag.Errorf(rag.KindNotFound, "No such file batch: %.80s", id), "batch_id", "")
}

func (h *handlers) listBatchFiles(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("batch")
	if _, _, ok := parseBatchID(id); !ok {
		return noBatch(id)
	}
	return h.replyStoreFiles(w, r, rag.Eq(batchKey, rag.Str(id)))
}
