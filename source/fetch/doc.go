// Package fetch is the HTTP client of the sources, shared by those below source
// that speak HTTP (web, feed, rest and others). It is made for addresses that
// somebody else wrote down, and for servers that mean harm:
//
//   - It connects to public addresses only, unless the settings allow a host or a
//     network by name (guard.go). What counts is the address that is connected to, so
//     that neither a redirect nor a name that resolves anew leads around it.
//   - It is polite: a rate and a number of connections for each host, a pause when a
//     host asks for one, and a host that keeps failing is left alone (host.go).
//   - It tries again what may pass, patiently and not for ever (retry.go).
//   - It reads no more than it is told to, after decompression, and waits no longer
//     (body.go, pace.go).
//   - Credentials go to the origin that they were given for and to no other
//     (client.go), and no error shows them (show.go).
//
// Protocols over HTTP that a library speaks go through transport.go. InOrder, for
// sources that fetch several things at once, is in order.go, and the reader of
// untrusted XML that sitemaps and feeds need in package xmlstream.
package fetch
