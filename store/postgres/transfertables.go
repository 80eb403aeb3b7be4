package postgres

import (
	"fmt"
	"strings"

	"github.com/smartretriever/smartretriever/store"
)

// transferForm is where a table here differs from its neutral form. W in an expression is
// the row that is written.
type transferForm struct {
	from  string            // what is read, where it is not the table alone
	read  map[string]string // expressions for columns
	write map[string]string // expressions for columns
	more  map[string]string // expressions for columns that the neutral form does not have
	join  string            // what is joined to the rows that are written
}

const (
	uuidRead  = "uuid_send(t.%s)"
	uuidWrite = "encode(w.%s, 'hex')::uuid"
)

// The tenant is part of every row here, and follows from what the row belongs to there.
const (
	ofOwner       = "JOIN collections c ON c.id = w.collection"
	ofOwnDocument = "JOIN documents c ON c.id = w.document"
	ofJob         = "JOIN jobs c ON c.id = w.job"
	ofQuery       = "JOIN queries c ON c.id = w.query"
)

var transferForms = map[string]transferForm{
	"collections": {},
	"generations": {join: ofOwner},
	"documents": {
		read: map[string]string{"uuid": fmt.Sprintf(uuidRead, "uuid")}, write: map[string]string{"uuid": fmt.Sprintf(uuidWrite, "uuid")},
		more: map[string]string{
			"external_key":  "substring(convert_to(w.external_id, 'UTF8') FOR 1000)",
			"external_rest": "CASE WHEN octet_length(w.external_id) > 1000 THEN sha256(convert_to(w.external_id, 'UTF8')) ELSE ''::bytea END",
		},
		join: ofOwner,
	},
	"versions":        {join: ofOwnDocument},
	"chunks":          {join: ofOwner},
	"changes":         {read: map[string]string{"document": fmt.Sprintf(uuidRead, "document")}, write: map[string]string{"document": fmt.Sprintf(uuidWrite, "document")}, join: ofOwner},
	"loose_originals": {from: "(SELECT DISTINCT sha256 FROM loose_originals) t", more: map[string]string{"tenant": "''"}},
	"sources":         {read: map[string]string{"cursor": "CASE WHEN length(t.cursor) > 0 THEN t.cursor END"}, join: ofOwner},
	"source_items":    {join: ofOwner},
	"jobs":            {read: map[string]string{"uuid": fmt.Sprintf(uuidRead, "uuid")}, write: map[string]string{"uuid": fmt.Sprintf(uuidWrite, "uuid")}, join: ofOwner},
	"job_items":       {join: ofJob},
	"queries":         {join: ofOwner},
	"query_documents": {read: map[string]string{"document": fmt.Sprintf(uuidRead, "document")}, write: map[string]string{"document": fmt.Sprintf(uuidWrite, "document")}, join: ofQuery},
	// A space outlives its collection.
	"spaces": {more: map[string]string{"tenant": "coalesce((SELECT c.tenant FROM collections c WHERE c.id = w.collection), '')"}},
}

// readTable is the query for a table's rows.
func readTable(t *store.Table) string {
	form := transferForms[t.Name]
	var columns, key []string
	for i, c := range t.Columns {
		expression := "t." + c.Name
		if e, ok := form.read[c.Name]; ok {
			expression = e
		}
		columns = append(columns, expression)
		if i < t.Key {
			key = append(key, "t."+c.Name)
		}
	}
	return fmt.Sprintf("SELECT %s FROM %s ORDER BY %s", strings.Join(columns, ", "), fromTable(t), strings.Join(key, ", "))
}

func fromTable(t *store.Table) string {
	if from := transferForms[t.Name].from; from != "" {
		return from
	}
	return t.Name + " t"
}

// arrayTypes are of the arrays that columns go to the server as.
var arrayTypes = map[store.Kind]string{
	store.Int: "bigint[]", store.Text: "text[]", store.Bytes: "bytea[]", store.Bool: "boolean[]", store.Float: "double precision[]", store.Time: "timestamptz[]",
}

// writeTable is the statement that writes rows, an array for each column.
func writeTable(t *store.Table) string {
	form := transferForms[t.Name]
	var columns, values, arrays, names []string
	add := func(column, value string) { columns, values = append(columns, column), append(values, value) }
	for i, c := range t.Columns {
		value := "w." + c.Name
		if e, ok := form.write[c.Name]; ok {
			value = e
		}
		add(c.Name, value)
		arrays, names = append(arrays, fmt.Sprintf("$%d::%s", i+1, arrayTypes[c.Kind])), append(names, c.Name)
	}
	if form.join != "" {
		add("tenant", "c.tenant")
	}
	for column, value := range form.more {
		add(column, value)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM unnest(%s) w (%s) %s",
		t.Name, strings.Join(columns, ", "), strings.Join(values, ", "), strings.Join(arrays, ", "), strings.Join(names, ", "), form.join)
}
