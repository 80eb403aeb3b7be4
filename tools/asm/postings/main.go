// Command postings generates the assembly of index/postings/kernel: unpacking of posting blocks for AVX-512 with VBMI2 and
// for BMI2, scoring for every amd64, and bounds of strips for AVX2.
//
//	cd tools/asm && go run ./postings          # writes the kernel's files
//	cd tools/asm && go run ./postings -check   # fails if they differ from what it would write
//
// Every function takes what its Go wrapper has checked; what may be read and written is said at each.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

const header = "go run ./postings (in tools/asm)"

func main() {
	check := flag.Bool("check", false, "compare with the files that are there")
	dir := flag.String("dir", "../../index/postings/kernel", "where the files are")
	flag.Parse()
	if err := run(*dir, *check); err != nil {
		fmt.Fprintln(os.Stderr, "postings:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	ctx := build.NewContext()
	ctx.ConstraintExpr("amd64")
	g := &generator{Context: ctx}
	g.tables()
	g.rowsAVX512()
	g.chunkAVX512()
	g.smallAVX512()
	g.rowsBMI2()
	g.chunkBMI2()
	g.smallBMI2()
	g.add(false)
	g.add(true)
	g.addPeaks()
	g.above()
	file, err := ctx.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	cfg := printer.Config{Name: header, Pkg: "kernel"}
	asm, err := print(printer.NewGoAsm(cfg), file)
	if err != nil {
		return err
	}
	stubs, err := print(printer.NewStubs(cfg), file)
	if err != nil {
		return err
	}
	for name, want := range map[string][]byte{"kernel_amd64.s": asm, "kernel_amd64.go": stubs} {
		path := filepath.Join(dir, name)
		if !check {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				return err
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s differs from what the generator writes", path)
		}
	}
	return nil
}

func print(p printer.Printer, f *ir.File) ([]byte, error) {
	out, err := p.Print(f)
	if err != nil {
		return nil, err
	}
	return []byte(strings.TrimRight(string(out), "\n") + "\n"), nil
}
