package sqlite

import (
	"fmt"
	"strings"

	"github.com/smartretriever/smartretriever/store"
)

// transferForm is where a table here differs from its neutral form.
type transferForm struct {
	from  string            // FROM clause with the alias t, where it is not the table alone
	read  map[string]string // expressions for columns
	write map[string]string // expressions with one ? for the value
}

// The zero time is 0 in these columns, and nil in the neutral form.
func zeroTimes(names ...string) (read, write map[string]string) {
	read, write = map[string]string{}, map[string]string{}
	for _, n := range names {
		read[n], write[n] = "nullif(t."+n+", 0)", "coalesce(?, 0)"
	}
	return read, write
}

var transferForms = func() map[string]transferForm {
	jobTimes, setJobTimes := zeroTimes("started_at", "ended_at", "not_before", "held_until")
	sourceTimes, setSourceTimes := zeroTimes("last_run", "last_success", "held_until")
	sourceTimes["cursor"] = "CASE WHEN length(t.cursor) > 0 THEN t.cursor END"
	return map[string]transferForm{
		"chunks":  {read: map[string]string{"prefix": "CAST(t.prefix AS BLOB)"}, write: map[string]string{"prefix": "coalesce(CAST(? AS TEXT), '')"}},
		"sources": {read: sourceTimes, write: setSourceTimes},
		"jobs":    {read: jobTimes, write: setJobTimes},
		"queries": {
			from: "queries t JOIN collections c ON c.tenant = t.tenant AND c.name = t.collection",
			read: map[string]string{"collection": "c.id"},
		},
		"spaces": {
			read:  map[string]string{"held_until": "CASE WHEN t.held THEN t.held_until END"},
			write: map[string]string{"held_until": "coalesce(?, 0)"},
		},
	}
}()

// readTable is the query for a table's rows.
func readTable(t *store.Table) string {
	form := transferForms[t.Name]
	var columns, key []string
	for i, c := range t.Columns {
		if t.Name == "versions" && c.Name == "content" {
			c.Name = "length" // for which the text itself is put
		}
		expression := "t." + c.Name
		if e, ok := form.read[c.Name]; ok {
			expression = e
		}
		columns = append(columns, expression)
		if i < t.Key {
			key = append(key, "t."+c.Name)
		}
	}
	from := form.from
	if from == "" {
		from = t.Name + " t"
	}
	return fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(columns, ", "), from, strings.Join(key, ", "))
}

// writeTable is the statement that writes a row, with numbered arguments in the order of
// the columns.
func writeTable(t *store.Table) string {
	form := transferForms[t.Name]
	var columns, values []string
	place := func(column string) string {
		for i, c := range t.Columns {
			if c.Name == column {
				return fmt.Sprintf("?%d", i+1)
			}
		}
		panic("sqlite: table " + t.Name + " has no column " + column)
	}
	for _, c := range t.Columns {
		columns = append(columns, c.Name)
		value := "?"
		if c.Kind == store.Bytes && !c.Null {
			value = "coalesce(?, x'')" // the driver sends NULL for no bytes
		}
		if e, ok := form.write[c.Name]; ok {
			value = e
		}
		values = append(values, strings.Replace(value, "?", place(c.Name), 1))
	}
	add := func(column, value string) { columns, values = append(columns, column), append(values, value) }
	switch t.Name {
	case "versions":
		columns[len(columns)-1], values[len(values)-1] = "length", fmt.Sprintf("coalesce(length(%s), 0)", place("content")) // the text itself goes to texts
	case "jobs":
		add("tenant", fmt.Sprintf("(SELECT tenant FROM collections WHERE id = %s)", place("collection")))
	case "queries":
		values[1] = fmt.Sprintf("(SELECT name FROM collections WHERE id = %s)", place("collection"))
		add("tenant", fmt.Sprintf("(SELECT tenant FROM collections WHERE id = %s)", place("collection")))
	case "spaces":
		add("held", place("held_until")+" IS NOT NULL")
	}
	return fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.Name, strings.Join(columns, ", "), strings.Join(values, ", "))
}
