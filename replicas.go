package smartretriever

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

// What a Store may be able to do besides, where any number of machines share it.
type (
	// notifier calls fn when another process has changed a collection; seq is the
	// number of its last change. The collection 0 says that anything may have changed.
	// fn does not block, and may be running when stop returns.
	notifier interface {
		Notifications(fn func(collectionID, seq int64)) (stop func())
	}
	// warner says what of its set-up is not as it should be, a sentence each.
	warner interface {
		Warnings() []string
	}
	// replicated tells how the copies that are read do.
	replicated interface {
		Replication(ctx context.Context) ([]rag.ReplicaState, error)
	}
)

// stopper ends something when it is closed.
type stopper func()

func (s stopper) Close() error {
	s()
	return nil
}

// hearOthers wakes the indexes when another process has changed a collection, where the
// store tells. Otherwise they look by themselves, a little later.
func (r *Retriever) hearOthers() {
	if n, ok := r.store.(notifier); ok {
		r.owned(stopper(n.Notifications(r.follow.Notify))) // after the follower: it is closed before it
	}
}

// Replicas tells how the read replicas of the store do, in the order in which they are
// configured; none where it has none.
func (r *Retriever) Replicas(ctx context.Context) ([]rag.ReplicaState, error) {
	leave, err := r.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if s, ok := r.store.(replicated); ok {
		return s.Replication(ctx)
	}
	return nil, nil
}

// setUpHealth says what is not as it should be in the set-up of the store, and how its
// replicas do. Neither is needed: what a replica does not answer the primary does.
func (r *Retriever) setUpHealth(ctx context.Context) (all []rag.Health) {
	if w, ok := r.store.(warner); ok {
		if warnings := w.Warnings(); len(warnings) > 0 {
			all = append(all, rag.Health{Name: "store set-up", Detail: strings.Join(warnings, "; ")})
		}
	}
	s, ok := r.store.(replicated)
	if !ok {
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	begun := time.Now()
	states, err := s.Replication(ctx)
	if err == nil && len(states) == 0 {
		return all
	}
	h := replicaHealth(states, err)
	h.Took = time.Since(begun)
	return append(all, h)
}

// replicaHealth puts how replicas do into a sentence each.
func replicaHealth(states []rag.ReplicaState, err error) rag.Health {
	h := rag.Health{Name: "replicas", OK: err == nil}
	if err != nil {
		h.Detail = err.Error()
		return h
	}
	var each []string
	for _, s := range states {
		switch {
		case s.Err != nil:
			h.OK = false
			each = append(each, s.Name+" does not answer: "+s.Err.Error())
		case s.Bytes > 0:
			each = append(each, fmt.Sprintf("%s is %s behind (%d bytes)", s.Name, s.Delay.Round(time.Millisecond), s.Bytes))
		default:
			each = append(each, s.Name+" has everything")
		}
		if s.Err == nil && s.Aside {
			h.OK = false
			each[len(each)-1] += ", and failed a moment ago"
		}
	}
	h.Detail = strings.Join(each, "; ")
	return h
}
