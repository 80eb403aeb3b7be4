package pdf

import (
	"context"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/smartretriever/smartretriever/rag"
)

// How far an image is looked for on a page: scanners put it first.
const (
	maxObjects = 2000 // of a page
	maxForms   = 3    // forms within forms
)

// Scans returns those of the given pages, in their order, on which there is an image.
// Pages that are damaged or not there are none of them. Errors are those of Extract.
func (e *Engine) Scans(ctx context.Context, content []byte, password string, pages []int) (scans []int, err error) {
	err = e.use(ctx, func(in pdfium.Pdfium) error {
		doc, err := open(in, content, password)
		if err != nil {
			return err
		}
		count, err := in.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: doc})
		if err != nil {
			return rag.Errorf(rag.KindInvalid, "the PDF is damaged: %w", err)
		}
		for _, page := range pages {
			if err := ctx.Err(); err != nil {
				return err
			}
			if page >= 1 && page <= count.PageCount && showsImage(in, doc, page) {
				scans = append(scans, page)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return scans, nil
}

// showsImage looks through the objects of a page. What cannot be looked at holds none.
func showsImage(in pdfium.Pdfium, doc references.FPDF_DOCUMENT, page int) bool {
	loaded, err := in.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: doc, Index: page - 1})
	if err != nil {
		return false
	}
	defer in.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page})
	ref := requests.Page{ByReference: &loaded.Page}
	count, err := in.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: ref})
	if err != nil {
		return false
	}
	left := maxObjects
	for i := 0; i < count.Count && left > 0; i++ {
		object, err := in.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: ref, Index: i})
		if err == nil && isImage(in, object.PageObject, maxForms, &left) {
			return true
		}
	}
	return false
}

// isImage reports whether an object is an image, or a form that holds one.
func isImage(in pdfium.Pdfium, object references.FPDF_PAGEOBJECT, depth int, left *int) bool {
	*left--
	kind, err := in.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	switch {
	case err != nil:
		return false
	case kind.Type == enums.FPDF_PAGEOBJ_IMAGE:
		return true
	case kind.Type != enums.FPDF_PAGEOBJ_FORM || depth == 0:
		return false
	}
	count, err := in.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: object})
	if err != nil {
		return false
	}
	for i := 0; i < count.Count && *left > 0; i++ {
		inner, err := in.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: object, Index: uint64(i)})
		if err == nil && isImage(in, inner.PageObject, depth-1, left) {
			return true
		}
	}
	return false
}
