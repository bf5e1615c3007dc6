package main

import (
	"fmt"
	"io"
	"strings"
)

// maxDetail is how much of a detail is shown, in characters.
const maxDetail = 200

// report prints checks and counts them.
type report struct {
	out                     io.Writer
	passed, failed, skipped int
}

// check reports a check that passed, with a detail, or the error that it failed with.
func (r *report) check(name, detail string, err error) {
	verdict := "ok"
	if r.passed++; err != nil {
		verdict, detail = "FAIL", err.Error()
		r.passed, r.failed = r.passed-1, r.failed+1
	}
	r.line(verdict, name, detail)
}

// skip reports a check that does not apply.
func (r *report) skip(name, reason string) {
	r.skipped++
	r.line("skip", name, reason)
}

func (r *report) line(verdict, name, detail string) {
	detail = strings.Join(strings.Fields(detail), " ")
	if runes := []rune(detail); len(runes) > maxDetail {
		detail = string(runes[:maxDetail]) + "…"
	}
	fmt.Fprintf(r.out, "%-4s %s: %s\n", verdict, name, detail)
}
