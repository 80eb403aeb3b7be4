// Package config turns a file, the environment and the command line into one
// typed Config. It is the only package that reads the environment.
//
// Settings have dotted names (llm.base_url) that follow from the fields of
// Config; their defaults, limits and help stand in the fields' tags, and the
// table in docs/configuration.md is made from the same tags. A later source wins
// over an earlier one, setting by setting:
//
//	defaults < one YAML file < environment SMARTRETRIEVER_LLM_BASE_URL < flags
//
// Reading is strict. An unknown name, in the file or among the SMARTRETRIEVER_
// variables, is a fault that names the nearest known one; so is a value of the
// wrong type or out of range. Load reports all faults together, each with the
// file and line, the variable or the flag it came from.
//
// Nothing is expanded inside values: a file cannot name a variable. A secret is
// given by the file, by the environment, or by the path of a file that holds it
// (llm.api_key_file), never by a flag, where every user of the machine could
// read it. Values of type Secret print as asterisks wherever they are printed.
package config
