//go:build faiss

// What package faiss calls of FAISS. Functions that can fail return NULL or a message that sr_free gives back; none throws.
// The caller has checked every pointer, size and position.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SR_FLAT = 0, SR_IVF = 1, SR_HNSW = 2 };

typedef struct sr_index sr_index;

void sr_free(char *message);

// A new index of unit vectors, compared by their inner product. nlist is for ivf, m and ef_construction are for hnsw.
char *sr_new(int type, int d, int64_t nlist, int m, int ef_construction, sr_index **out);
void sr_delete(sr_index *x);
int64_t sr_total(const sr_index *x);

// Finds the lists of an ivf index.
char *sr_train(sr_index *x, int64_t n, const float *vectors, int threads);
// Appends n vectors at positions sr_total and following.
char *sr_add(sr_index *x, int64_t n, const float *vectors, int threads);

// The best k, best first; positions are -1 after the last. bits has a bit for each position that may be found; NULL is all.
// effort is the number of lists that ivf looks into, and at most what hnsw's queue holds beyond k; exact compares everything.
char *sr_search(const sr_index *x, const float *query, int64_t k, int64_t effort, int exact, const uint8_t *bits, size_t bytes,
                float *scores, int64_t *positions);
// The scores of n positions.
char *sr_score(const sr_index *x, const float *query, int64_t n, const int64_t *positions, float *scores);
// The vectors of n positions.
char *sr_vectors(const sr_index *x, int64_t n, const int64_t *positions, float *vectors);

// Of an ivf index: the centers of its lists (nlist * d), and the list of each position.
char *sr_lists(const sr_index *x, float *centers, int32_t *lists);
// Fills an empty ivf index with what sr_lists gave.
char *sr_set_lists(sr_index *x, const float *centers, int64_t n, const float *vectors, const int32_t *lists);

// Of an hnsw index: how long its list of links is, where searches begin, and the level of each position and all links.
int64_t sr_links(const sr_index *x);
char *sr_graph(const sr_index *x, int32_t *levels, int32_t *links, int32_t *entry);
// Fills an empty hnsw index with what sr_graph gave, which is checked.
char *sr_set_graph(sr_index *x, int64_t n, const float *vectors, const int32_t *levels, int64_t count, const int32_t *links, int32_t entry);

#ifdef __cplusplus
}
#endif
