// Command vector generates the amd64 assembly of index/kernel with avo, and the Go
// declarations of its functions. With -check it writes nothing and fails if the
// files that are there differ from what it would write.
//
// Run it in tools/asm:
//
//	go run ./vector
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// files are what is generated, by name without the endings.
var files = []struct {
	name string
	fill func(*gen)
	vex  bool // spell instructions out that processors without AVX-512 have in another form
}{
	{"avx2", avx2, true},
	{"avxvnni", bytesAVXVNNI, true},
	{"avx512", avx512, false},
}

func avx2(g *gen) {
	floats(g, avx2Floats)
	bytesAVX2(g)
	nibblesAVX2(g)
	halvesAVX2(g)
	selectAVX2(g)
	lookupAVX2(g)
	hammingScalar(g)
	prefetch(g)
}

func avx512(g *gen) {
	floats(g, avx512Floats)
	bytesAVX512(g)
	bytesVNNI(g)
	nibblesVNNI(g)
	halvesAVX512(g)
	selectAVX512(g)
	lookupVBMI(g)
	hammingAVX512(g)
	signsBITALG(g)
}

func main() {
	log.SetFlags(0)
	flags := flag.NewFlagSet("vector", flag.ExitOnError) // avo has put its own into flag.CommandLine
	out := flags.String("out", "../../index/kernel", "the folder of the package")
	check := flags.Bool("check", false, "compare with the files that are there instead of writing them")
	flags.Parse(os.Args[1:])
	for _, f := range files {
		g := newGen()
		f.fill(g)
		assembly, stubs, err := g.print()
		if err == nil && f.vex {
			assembly, err = vexDots(assembly)
		}
		if err != nil {
			log.Fatalf("%s: %v", f.name, err)
		}
		for name, content := range map[string][]byte{
			f.name + "_amd64.s":       assembly,
			f.name + "_stub_amd64.go": stubs,
		} {
			path := filepath.Join(*out, name)
			if *check {
				err = compare(path, content)
			} else {
				err = os.WriteFile(path, content, 0o644)
			}
			if err != nil {
				log.Fatal(err)
			}
		}
	}
}

func compare(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not what the generator makes: run go run ./vector in tools/asm", path)
	}
	return nil
}

// print compiles what was built and returns the assembly and the declarations.
func (g *gen) print() (assembly, stubs []byte, err error) {
	file, err := g.Result()
	if err != nil {
		build.LogError(log.Default(), err, 10)
		return nil, nil, fmt.Errorf("the program for avo is wrong")
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, nil, err
	}
	config := printer.Config{Argv: []string{"go", "run", "./vector"}, Pkg: "kernel"}
	if assembly, err = printer.NewGoAsm(config).Print(file); err != nil {
		return nil, nil, err
	}
	stubs, err = printer.NewStubs(config).Print(file)
	return assembly, stubs, err
}
