package main

import "io"

func fitAll(w io.Writer, outcomes []outcome) {}
