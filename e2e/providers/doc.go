// Package providers tests the clients of language models against servers that
// others have written: aimock, which imitates the providers' APIs, and
// llama-cpp-python with a small model, which is a real one. The tests have the build
// tag e2e and are run by scripts/e2e-providers.sh and scripts/e2e-llama.sh, which
// start the servers and give their addresses in variables.
package providers
