package rag

// PageRequest asks for the picture of one page of a document.
type PageRequest struct {
	Version  int    // of the document that Span is in; 0 is the current one
	Page     int    // from 1
	Width    int    // of the picture in pixels, at most; 0 is 1,200
	Span     Span   // of the document's text that is to be marked; empty for nothing
	Password string // of an encrypted original; never stored
	NoImage  bool   // size and marks only
}

// Picture is a page as it is shown. All numbers are pixels from the top left
// corner.
type Picture struct {
	Image     []byte // nil if only size and marks were asked for
	MediaType string // of Image: image/png
	Width     int
	Height    int
	Scale     float64 // pixels a point of the page
	Marks     []Rect  // where the wanted words stand, a rectangle a line, from the top; empty if they are not on the page
}

// Rect is a rectangle in a picture.
type Rect struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}
