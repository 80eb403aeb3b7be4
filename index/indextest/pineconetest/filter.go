package pineconetest

import (
	"slices"
)

// filter tells whether a record's metadata meets it.
type filter func(map[string]any) bool

// parse reads a metadata filter. None is met by all.
func (s *Server) parse(raw map[string]any) (filter, error) {
	var parts []filter
	for key, value := range raw {
		part, err := s.parseMember(key, value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return func(m map[string]any) bool {
		return !slices.ContainsFunc(parts, func(p filter) bool { return !p(m) })
	}, nil
}

func (s *Server) parseMember(key string, value any) (filter, error) {
	if key == "$and" || key == "$or" {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			return nil, refuse(400, "%s needs a list of filters", key)
		}
		var parts []filter
		for _, e := range list {
			raw, ok := e.(map[string]any)
			if !ok || len(raw) == 0 {
				return nil, refuse(400, "%s needs a list of filters", key)
			}
			part, err := s.parse(raw)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		if key == "$and" {
			return func(m map[string]any) bool {
				return !slices.ContainsFunc(parts, func(p filter) bool { return !p(m) })
			}, nil
		}
		return func(m map[string]any) bool { return slices.ContainsFunc(parts, func(p filter) bool { return p(m) }) }, nil
	}
	operators, ok := value.(map[string]any)
	if !ok || len(operators) != 1 || key == "" || key[0] == '$' {
		return nil, refuse(400, "the filter of %s is not one of an operator", key)
	}
	for op, operand := range operators {
		values, ok := operand.([]any)
		if !ok || len(values) == 0 || len(values) > 10_000 {
			return nil, refuse(400, "%s needs a list of 1 to 10,000 values", op)
		}
		for _, v := range values {
			switch v.(type) {
			case string, float64:
			default:
				return nil, refuse(400, "%s takes strings and numbers", op)
			}
		}
		switch op {
		case "$in":
			return func(m map[string]any) bool { return anyIn(m[key], values) }, nil
		case "$nin":
			return func(m map[string]any) bool { return s.notIn(m[key], values) }, nil
		}
		return nil, refuse(400, "%s is not an operator of this double", op)
	}
	return nil, nil
}

func anyIn(field any, values []any) bool {
	if list, ok := field.([]any); ok {
		return slices.ContainsFunc(list, func(e any) bool { return slices.Contains(values, e) })
	}
	return field != nil && slices.Contains(values, field)
}

// notIn is never met by a record without the field.
func (s *Server) notIn(field any, values []any) bool {
	if field == nil {
		return false
	}
	if list, ok := field.([]any); ok && s.cfg.LooseNin {
		return slices.ContainsFunc(list, func(e any) bool { return !slices.Contains(values, e) })
	}
	return !anyIn(field, values)
}
