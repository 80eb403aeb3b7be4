package weaviate

import (
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
)

// uuidOf returns the UUID of an object: one of version 8, for contents of one's own, with the chunk's id in the 74 bits that are free in its last ten
// bytes. So the order of UUIDs, in which Weaviate lists, is that of the ids, and an id below 2⁶⁰ can be read off it.
func uuidOf(id rag.ChunkID) uuid.UUID {
	var u uuid.UUID
	binary.BigEndian.PutUint16(u[6:], 0x8000|uint16(uint64(id)>>62))
	binary.BigEndian.PutUint64(u[8:], 0x8000_0000_0000_0000|uint64(id)&(1<<62-1))
	return u
}

// idOf returns the chunk whose object has a UUID, and whether it is one of uuidOf's.
func idOf(u uuid.UUID) (rag.ChunkID, bool) {
	high, low := binary.BigEndian.Uint16(u[6:]), binary.BigEndian.Uint64(u[8:])
	id := rag.ChunkID(uint64(high&3)<<62 | low&(1<<62-1))
	return id, id > 0 && uuidOf(id) == u
}
