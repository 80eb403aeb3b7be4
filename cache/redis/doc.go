// Package redis shares caches, claims, rates and news between the processes of one
// installation, through a Redis server or a Redis Cluster.
//
//	Client   the connection: timeouts, a circuit for each node, what INFO says (client.go, circuit.go, info.go)
//	Cache    the cache of package cache (cache.go, keys.go, value.go)
//	Claims   who works on what, so that replicas do not do the same at once (claims.go)
//	Rates    calls a minute of all processes together (rates.go)
//	News     that something has changed, told to whoever listens (news.go)
//
// Nothing here is the truth of anything. Every key has a lifetime, and a server that is
// away, slow, full, empty or has failed over costs time: each method then returns an
// error soon, which its caller counts and does without. How soon: an operation ends
// after Config.Timeout at the latest, and after Config.Failures of them in a row the
// node is not asked any more, but looked at in the background until it answers again.
//
// # Keys
//
// A key of the cache lies under
//
//	PREFIX:c:{SPACE.BUCKET}:KEY     the value
//	PREFIX:e:{SPACE.BUCKET}         the epoch of the space's bucket
//	PREFIX:l:{SPACE.BUCKET}         the keys of its values, by the time at which they go
//
// SPACE is what the key begins with, up to its first slash: tenant and collection. BUCKET is
// one of 16, by the rest of the key. The braces are Redis's hash tag, so that the keys
// which one step touches lie on one node of a cluster, and the keys of one space are
// spread over 16 places. A value counts only while it names the epoch there is: to
// forget a space, its 16 epochs are deleted, so that what lay under them is never found
// again, and then the values that the lists name. Nothing is ever searched for by KEYS or
// SCAN.
//
// That is for what is deleted. What has changed in a collection needs no forgetting: the
// number of its last change is in the key, so that after a change it is not asked for any
// more.
package redis
