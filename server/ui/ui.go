// Package ui is the page.
package ui

import "net/http"

func Register(mux *http.ServeMux, version string) {}
