// Package ocr reads text that is a picture: image files, and pages of documents
// that were scanned.
//
// The reading is done by the program tesseract, which need not be there:
//
//	image.go      an image file: what it is, how large, its pages as pictures
//	exif.go       what a camera or scanner says of it: turn, resolution, time
//	scale.go      the picture at the size, and turned as, it is shown or read
//	wanted.go     which pages of a text are worth looking at as pictures
//	tesseract.go  the program: whether it is there, with which languages, one run
//	tsv.go        its table of words -> lines and paragraphs with their places
//	ocr.go        Engine: a picture -> paragraphs on a page
//
// Image files come from anywhere: their size is known from the header before
// anything is decoded, and what decodes them is memory-safe. It belongs into a child
// process all the same (package sandbox), since a decoder can take long. The program
// is given pictures only that were drawn here: it takes a standard input that is no
// picture for a list of files to open.
package ocr
