package pgvector

import (
	"fmt"
	"strings"

	"github.com/smartretriever/smartretriever/index/external"
)

// statement is SQL that grows with its arguments.
type statement struct {
	strings.Builder
	args []any
}

// arg adds an argument and returns what stands for it.
func (s *statement) arg(v any, as string) string {
	s.args = append(s.args, v)
	return fmt.Sprintf("$%d::%s", len(s.args), as)
}

// where returns the condition as SQL. No column is null, so that a negation holds where its condition does not.
func (s *statement) where(c external.Condition) string {
	switch {
	case len(c.IDs) > 0:
		ids := make([]int64, len(c.IDs))
		for i, id := range c.IDs {
			ids[i] = int64(id)
		}
		return "id = ANY (" + s.arg(ids, "bigint[]") + ")"
	case len(c.Has) > 0:
		return "tags && " + s.arg(tagsOf(c.Has), "bigint[]")
	case len(c.All) > 0:
		return s.join(c.All, " AND ")
	case len(c.Any) > 0:
		return s.join(c.Any, " OR ")
	case c.Not != nil:
		return "NOT (" + s.where(*c.Not) + ")"
	}
	return "true"
}

func (s *statement) join(list []external.Condition, by string) string {
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = "(" + s.where(c) + ")"
	}
	return strings.Join(parts, by)
}

func tagsOf(tags []external.Tag) []int64 {
	out := make([]int64, len(tags))
	for i, t := range tags {
		out[i] = int64(t)
	}
	return out
}
