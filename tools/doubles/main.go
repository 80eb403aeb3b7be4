// Doubles serves the doubles of providers that the tests use, each on a port of its
// own on loopback, for the providers' own clients to be tried on them: a double that
// a client of its provider cannot use would be a double of nothing.
//
//	doubles    prints a line for each, "embed ollama http://127.0.0.1:40123", then serves until it is stopped
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/smartretriever/smartretriever/model/embed/embedtest"
	"github.com/smartretriever/smartretriever/model/rerank/reranktest"
)

// key is what all of them want to see.
const key = "double-0123456789"

func main() {
	failed := make(chan error)
	for _, d := range embedtest.Dialects() {
		serve("embed", d.Name, &embedtest.Server{Dialect: d, Model: "m", Key: key, Dimensions: 8}, failed)
	}
	for _, d := range reranktest.Dialects() {
		serve("rerank", d.Name, &reranktest.Server{Dialect: d, Model: "m", Key: key}, failed)
	}
	fmt.Println("ready")
	fmt.Fprintln(os.Stderr, <-failed)
	os.Exit(1)
}

// serve listens on a free port and prints it.
func serve(kind, name string, h http.Handler, failed chan<- error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s %s http://%s\n", kind, name, l.Addr())
	go func() {
		s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		failed <- s.Serve(l)
	}()
}
