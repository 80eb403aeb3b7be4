package api

import (
	"encoding/json"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/upload"
)

// formFields are the fields of an upload form; others are refused, so that a
// misspelt one is found.
var formFields = map[string]bool{"metadata": true, "acl": true, "title": true, "external_id": true, "source": true, "password": true, "force": true}

// formInputs makes an input of each file of a form. Contents are opened as they
// are read.
func formInputs(form *upload.Form) ([]input, error) {
	for name, values := range form.Fields {
		if !formFields[name] {
			if len(values) == 1 && values[0] == "" {
				continue // what browsers send for a file field left empty
			}
			return nil, rag.Errorf(rag.KindInvalid, "form field %.40q is not known; files need a file name", name)
		}
		if name != "acl" && len(values) > 1 {
			return nil, rag.Errorf(rag.KindInvalid, "form field %q is given %d times", name, len(values))
		}
	}
	if len(form.Files) == 0 {
		return nil, rag.Errorf(rag.KindInvalid, "the form holds no file")
	}
	for _, name := range []string{"title", "external_id", "source"} {
		if len(form.Files) > 1 && form.Get(name) != "" {
			return nil, rag.Errorf(rag.KindInvalid, "form field %q can only be given with one file", name)
		}
	}
	meta, err := formMetadata(form.Get("metadata"))
	if err != nil {
		return nil, err
	}
	acl, err := formACL(form.Fields["acl"])
	if err != nil {
		return nil, err
	}
	force := form.Get("force")
	if force != "" && force != "true" && force != "false" {
		return nil, rag.Errorf(rag.KindInvalid, "form field force is true or false, not %.40q", force)
	}
	out := make([]input, len(form.Files))
	for i, f := range form.Files {
		out[i] = input{fault: f.Err, Input: rag.Input{
			ExternalID: form.Get("external_id"), Title: form.Get("title"), Source: form.Get("source"), Name: f.Name,
			Password: form.Get("password"), Metadata: meta, ACL: acl, Content: &lazyFile{file: f}, Force: force == "true",
		}}
		if out[i].Source == "" {
			out[i].Source = f.Name
		}
	}
	return out, nil
}

func formMetadata(s string) (rag.Metadata, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	var m rag.Metadata
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "form field metadata must be a JSON object: %w", err)
	}
	return m, m.Validate()
}

// formACL takes JSON lists, comma-separated names, and repeated fields.
func formACL(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		v = strings.TrimSpace(v)
		if strings.HasPrefix(v, "[") {
			var names []string
			if err := json.Unmarshal([]byte(v), &names); err != nil {
				return nil, rag.Errorf(rag.KindInvalid, "form field acl must be a JSON list of strings: %w", err)
			}
			out = append(out, names...)
			continue
		}
		for _, name := range strings.Split(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out = append(out, name)
			}
		}
	}
	return out, nil
}
