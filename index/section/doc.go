// Package section is the container of a segment: named sections in one file, each
// aligned and checksummed, mapped into memory to be read.
//
// A Writer writes a file once, from front to back: Begin starts a section, Finish
// writes the table of sections and a footer, and makes it durable. Open maps a file and checks what
// says where everything is; Verify reads the sections and compares their checksums.
// A file without its footer, or of another size than the footer says, was not
// finished and is refused.
//
// A Buffer is the same in memory, for segments that are too young for a file.
//
// # Format
//
// All numbers are little-endian.
//
//	header   64 bytes: "SRSEG" 0 1 0, zeros
//	sections each at a multiple of 64 bytes, followed by at least Slack zero bytes
//	table    at a multiple of 64: for each section its name (16 bytes, zero-padded),
//	         offset (8), length (8), CRC-32C (4), zeros (4)
//	footer   the last 64 bytes: "SRSEGEND", offset of the table (8), number of
//	         sections (4), CRC-32C of the table (4), size of the file (8), CRC-32C of
//	         the header (4), zeros (24), CRC-32C of the footer so far (4)
//
// Every byte but the padding between sections is covered by a checksum.
//
// # File systems
//
// FS is what a writer needs of a file system. Disk is the operating system's; tests put
// faults into another one.
package section
