package format

// Image is an image file: PNG, JPEG, GIF, BMP, TIFF or WebP. A Reader finds no text in
// it, only how many pages it has; those are read from their pictures by ocr.Engine.
const Image ID = "image"
