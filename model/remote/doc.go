// Package remote is what calls of models behind an HTTP API have in common: a
// client that keeps the API key to itself, the limiter that keeps to what a server
// takes, the reading of refusals, the try again after an error that may pass, and
// the breaker that leaves a failing server alone. What chat models share besides is in
// package chat below it. The protocols are in the packages that use it.
package remote
