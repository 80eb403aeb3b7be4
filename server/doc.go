// Package server puts a Retriever on HTTP: the native API (package api), the
// OpenAI-compatible one (openai), the page in the browser (ui), and what every
// request passes through on its way there.
//
//	connection -> limits -> request id, log, recover -> host and origin -> who asks -> route -> handler
//
// New builds the handler, Serve runs it until its context ends. Both take
// everything as fields; nothing is read from the environment.
//
// # Open and closed
//
// Without keys the server trusts whoever reaches it, and is meant to listen on
// loopback. A browser on the same machine reaches loopback too, on behalf of any
// page that is open in it, so an open server takes requests over loopback only
// when they are addressed to a loopback name (against DNS rebinding) and, like a
// closed one, refuses writes that another origin's page makes. With keys, every
// endpoint but the page, its description and the two probes needs one.
package server
