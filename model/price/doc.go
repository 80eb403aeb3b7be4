// Package price says what models cost.
//
// A Table is a list of prices by provider and pattern of the model's name, each
// with its currency and the day as of which it is known. The built-in table is
// prices.yaml beside this file; a user's own table of the same form is laid over
// it. Nothing is looked up over a network.
//
// Prices are whole numbers: a Rate of tokens is millionths of a currency's unit
// for a million tokens, which is 1e-12 for one. Cost multiplies in 128 bits and
// rounds once, each call up to the next billionth, so that a sum is never less
// than the bill and passes it by less than a billionth a call. Prices of up to
// three decimals for a million tokens, as nearly all are, are not rounded at all.
package price
