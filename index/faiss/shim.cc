//go:build faiss

#include "shim.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include <omp.h>

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/utils/Heap.h>

using idx_t = faiss::Index::idx_t;

struct sr_index {
    int d = 0;
    // One of them is there.
    std::unique_ptr<faiss::IndexFlat> flat;
    std::unique_ptr<faiss::IndexIVFFlat> ivf;
    std::unique_ptr<faiss::IndexHNSWFlat> hnsw;

    faiss::Index *index() const {
        if (flat) return flat.get();
        if (ivf) return ivf.get();
        return hnsw.get();
    }
};

namespace {

char *message(const char *text) {
    char *copy = strdup(text);
    return copy ? copy : strdup("");
}

// guard runs fn and returns what it throws.
template <class F>
char *guard(int threads, F fn) {
    try {
        omp_set_num_threads(threads);
        fn();
        return nullptr;
    } catch (const std::bad_alloc &) {
        return message("out of memory");
    } catch (const std::exception &e) {
        return message(e.what());
    } catch (...) {
        return message("an unknown exception");
    }
}

void check(bool ok, const char *what) {
    if (!ok) throw std::runtime_error(what);
}

// Negative turns inner products into distances, as the graph wants them.
struct Negative : faiss::DistanceComputer {
    std::unique_ptr<faiss::DistanceComputer> of;
    explicit Negative(faiss::DistanceComputer *d) : of(d) {}
    void set_query(const float *x) override { of->set_query(x); }
    float operator()(idx_t i) override { return -(*of)(i); }
    float symmetric_dis(idx_t i, idx_t j) override { return -of->symmetric_dis(i, j); }
};

// search_lists searches an inverted file. FAISS's own search() keeps statistics in a global that threads would write at once.
void search_lists(const faiss::IndexIVFFlat &ivf, const float *query, int64_t k, int64_t probes, const faiss::IDSelector *sel, float *scores,
                  int64_t *positions) {
    probes = std::min<int64_t>(probes, ivf.nlist);
    std::vector<float> near(probes);
    std::vector<idx_t> lists(probes);
    ivf.quantizer->search(1, query, probes, near.data(), lists.data());
    faiss::SearchParametersIVF p;
    p.sel = const_cast<faiss::IDSelector *>(sel);
    p.nprobe = probes;
    faiss::IndexIVFStats stats;
    ivf.search_preassigned(1, query, k, lists.data(), near.data(), scores, positions, false, &p, &stats);
}

// search_graph searches a graph. FAISS 1.7.3 gives its queue room for k or for the index's efSearch, whatever the parameters say:
// asking for more results than are needed is what makes it more thorough. Its own search() keeps statistics in a global.
void search_graph(const faiss::IndexHNSWFlat &x, const float *query, int64_t k, int64_t ef, const faiss::IDSelector *sel, float *scores,
                  int64_t *positions) {
    int64_t wide = std::min<int64_t>(std::max(k, ef), x.ntotal);
    std::vector<float> distances(wide);
    std::vector<idx_t> found(wide);
    Negative computer(x.storage->get_distance_computer());
    computer.set_query(query);
    faiss::SearchParametersHNSW p;
    p.sel = const_cast<faiss::IDSelector *>(sel);
    p.efSearch = int(wide);
    faiss::VisitedTable visited(x.ntotal);
    faiss::maxheap_heapify(wide, distances.data(), found.data());
    x.hnsw.search(computer, int(wide), found.data(), distances.data(), visited, &p);
    faiss::maxheap_reorder(wide, distances.data(), found.data());
    for (int64_t i = 0; i < k; i++) {
        positions[i] = i < wide ? found[i] : -1;
        scores[i] = i < wide ? -distances[i] : 0;
    }
}

} // namespace

void sr_free(char *message) { free(message); }

char *sr_new(int type, int d, int64_t nlist, int m, int ef_construction, sr_index **out) {
    *out = nullptr;
    return guard(1, [&] {
        auto x = std::make_unique<sr_index>();
        x->d = d;
        switch (type) {
        case SR_FLAT: x->flat = std::make_unique<faiss::IndexFlatIP>(d); break;
        case SR_IVF: {
            auto centers = std::make_unique<faiss::IndexFlatIP>(d);
            x->ivf = std::make_unique<faiss::IndexIVFFlat>(centers.get(), d, nlist, faiss::METRIC_INNER_PRODUCT);
            x->ivf->own_fields = true;
            centers.release();
            x->ivf->cp.spherical = true;
            x->ivf->cp.min_points_per_centroid = 1; // the caller knows; FAISS would write to stderr
            x->ivf->set_direct_map_type(faiss::DirectMap::Array);
            break;
        }
        case SR_HNSW:
            x->hnsw = std::make_unique<faiss::IndexHNSWFlat>(d, m, faiss::METRIC_INNER_PRODUCT);
            x->hnsw->hnsw.efConstruction = ef_construction;
            break;
        default: check(false, "unknown type");
        }
        *out = x.release();
    });
}

void sr_delete(sr_index *x) { delete x; }

int64_t sr_total(const sr_index *x) { return x->index()->ntotal; }

char *sr_train(sr_index *x, int64_t n, const float *vectors, int threads) {
    return guard(threads, [&] { x->ivf->train(n, vectors); });
}

char *sr_add(sr_index *x, int64_t n, const float *vectors, int threads) {
    return guard(threads, [&] { x->index()->add(n, vectors); });
}

char *sr_search(const sr_index *x, const float *query, int64_t k, int64_t effort, int exact, const uint8_t *bits, size_t bytes,
                float *scores, int64_t *positions) {
    return guard(1, [&] {
        faiss::IDSelectorBitmap bitmap(bytes, bits);
        const faiss::IDSelector *sel = bits ? &bitmap : nullptr;
        if (x->ivf) return search_lists(*x->ivf, query, k, exact ? x->ivf->nlist : effort, sel, scores, positions);
        if (x->hnsw && !exact) return search_graph(*x->hnsw, query, k, effort, sel, scores, positions);
        const faiss::Index *flat = x->flat ? x->flat.get() : x->hnsw->storage;
        faiss::SearchParameters p;
        p.sel = const_cast<faiss::IDSelector *>(sel);
        flat->search(1, query, k, scores, positions, sel ? &p : nullptr);
    });
}

char *sr_score(const sr_index *x, const float *query, int64_t n, const int64_t *positions, float *scores) {
    return guard(1, [&] {
        if (x->ivf) {
            // A flat index of one vector at a time computes as the others do, to the last bit.
            faiss::IndexFlatIP one(x->d);
            std::vector<float> v(x->d);
            one.add(1, v.data());
            std::unique_ptr<faiss::DistanceComputer> computer(one.get_distance_computer());
            computer->set_query(query);
            for (int64_t i = 0; i < n; i++) {
                x->ivf->reconstruct(positions[i], one.get_xb());
                scores[i] = (*computer)(0);
            }
            return;
        }
        const faiss::Index *flat = x->flat ? x->flat.get() : x->hnsw->storage;
        std::unique_ptr<faiss::DistanceComputer> computer(flat->get_distance_computer());
        computer->set_query(query);
        for (int64_t i = 0; i < n; i++) scores[i] = (*computer)(positions[i]);
    });
}

char *sr_vectors(const sr_index *x, int64_t n, const int64_t *positions, float *vectors) {
    return guard(1, [&] {
        for (int64_t i = 0; i < n; i++) x->index()->reconstruct(positions[i], vectors + i * x->d);
    });
}

char *sr_lists(const sr_index *x, float *centers, int32_t *lists) {
    return guard(1, [&] {
        x->ivf->quantizer->reconstruct_n(0, x->ivf->nlist, centers);
        for (int64_t i = 0; i < x->ivf->ntotal; i++) lists[i] = int32_t(faiss::lo_listno(x->ivf->direct_map.get(i)));
    });
}

char *sr_set_lists(sr_index *x, const float *centers, int64_t n, const float *vectors, const int32_t *lists) {
    return guard(1, [&] {
        faiss::IndexIVFFlat &ivf = *x->ivf;
        ivf.quantizer->add(ivf.nlist, centers);
        ivf.is_trained = true;
        std::vector<idx_t> chosen(lists, lists + n);
        for (idx_t l : chosen) check(l >= 0 && l < idx_t(ivf.nlist), "a vector is in a list that is not there");
        ivf.add_core(n, vectors, nullptr, chosen.data());
    });
}

int64_t sr_links(const sr_index *x) { return int64_t(x->hnsw->hnsw.neighbors.size()); }

char *sr_graph(const sr_index *x, int32_t *levels, int32_t *links, int32_t *entry) {
    return guard(1, [&] {
        const faiss::HNSW &h = x->hnsw->hnsw;
        std::copy(h.levels.begin(), h.levels.end(), levels);
        std::copy(h.neighbors.begin(), h.neighbors.end(), links);
        *entry = h.entry_point;
    });
}

char *sr_set_graph(sr_index *x, int64_t n, const float *vectors, const int32_t *levels, int64_t count, const int32_t *links, int32_t entry) {
    return guard(1, [&] {
        faiss::HNSW &h = x->hnsw->hnsw;
        const int most = int(h.cum_nneighbor_per_level.size()) - 1;
        std::vector<size_t> offsets(n + 1);
        int top = 0;
        for (int64_t i = 0; i < n; i++) {
            check(levels[i] >= 1 && levels[i] <= most, "a vector has an impossible level");
            offsets[i + 1] = offsets[i] + h.cum_nb_neighbors(levels[i]);
            top = std::max(top, int(levels[i]));
        }
        check(int64_t(offsets[n]) == count, "the number of links does not fit the levels");
        check(entry >= 0 && entry < n && levels[entry] == top, "searches would begin at a wrong place");
        // A search at a level reads the links that each vector it comes to has at that level: there must be some.
        for (int64_t i = 0; i < n; i++) {
            for (int level = 0; level < levels[i]; level++) {
                for (size_t at = offsets[i] + h.cum_nb_neighbors(level); at < offsets[i] + h.cum_nb_neighbors(level + 1); at++) {
                    check(links[at] >= -1 && links[at] < n && (links[at] < 0 || levels[links[at]] > level), "a link leads nowhere");
                }
            }
        }
        x->hnsw->storage->add(n, vectors);
        h.levels.assign(levels, levels + n);
        h.offsets = std::move(offsets);
        h.neighbors.assign(links, links + count);
        h.entry_point = entry;
        h.max_level = top - 1;
        x->hnsw->ntotal = n;
    });
}
