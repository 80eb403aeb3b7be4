package store

import (
	"encoding/json"
	"errors"

	"github.com/smartretriever/smartretriever/rag"
)

// NewCollection returns spec as it is stored, with the number of its first generation,
// and that generation's chunker as JSON. The empty tenant is the default one.
// KindInvalid says all that keeps it from being stored.
func NewCollection(spec rag.Collection) (made rag.Collection, chunker string, err error) {
	if spec.Tenant == "" {
		spec.Tenant = rag.DefaultTenant
	}
	spec.Generation.Number = 1
	err = errors.Join(CheckTenant(spec.Tenant), CheckName(spec.Name), spec.Metadata.Validate(), CheckGeneration(spec.Generation))
	if err != nil {
		return spec, "", rag.Wrap(rag.KindInvalid, err, "create collection")
	}
	data, err := json.Marshal(spec.Generation.Chunker)
	return spec, string(data), rag.Wrap(rag.KindInternal, err, "create collection "+spec.Name)
}

// ParseCollection reads into c what is kept as JSON in its row and that of its live
// generation. A fault is KindInternal.
func ParseCollection(c *rag.Collection, metadata, chunker string) (err error) {
	if c.Metadata, err = ParseMetadata(metadata); err != nil {
		return rag.Errorf(rag.KindInternal, "collection row %d: %v", c.ID, err)
	}
	if err := json.Unmarshal([]byte(chunker), &c.Generation.Chunker); err != nil {
		return rag.Errorf(rag.KindInternal, "collection row %d: its chunker options are damaged: %v", c.ID, err)
	}
	return nil
}

// CheckCollectionChange reports, as KindInvalid, why a collection cannot be changed so.
func CheckCollectionChange(change rag.CollectionChange) error {
	if change.Name != nil {
		if err := CheckName(*change.Name); err != nil {
			return err
		}
	}
	if change.Metadata != nil {
		return change.Metadata.Validate()
	}
	return nil
}

// ChangeCollection makes a change of c that has been checked.
func ChangeCollection(c *rag.Collection, change rag.CollectionChange) {
	if change.Name != nil {
		c.Name = *change.Name
	}
	if change.Description != nil {
		c.Description = *change.Description
	}
	if change.Metadata != nil {
		c.Metadata = *change.Metadata
	}
}

// NoCollection says, as KindNotFound, that there is no collection with a name or number.
func NoCollection(name any) error {
	return rag.Errorf(rag.KindNotFound, "there is no collection %v", name)
}

// NameTaken says, as KindConflict, that a collection's name is in use.
func NameTaken(name string) error {
	return rag.Errorf(rag.KindConflict, "collection %s exists already", name)
}
