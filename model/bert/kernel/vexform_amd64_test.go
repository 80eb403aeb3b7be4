//go:build objdump && !race

// It needs GNU objdump, which scripts/test.sh installs. The race detector changes the wrappers of assembly functions, which are read here.

package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The VEX form is spelt out in bytes, and few processors that run these tests have
// it. A disassembler says what the bytes mean: the same instructions on the same
// registers as those of the EVEX form, which Go's assembler made and TestLinear runs.
func TestVEXFormIsTheEVEXForm(t *testing.T) {
	for _, pair := range []struct {
		rows      int
		vex, evex func(*tile)
	}{{6, linear6VEX, linear6EVEX}, {3, linear3VEX, linear3EVEX}, {1, linear1VEX, linear1EVEX}} {
		vex, evex := disassemble(t, pair.vex), disassemble(t, pair.evex)
		dots := 0
		for i, line := range vex {
			if rest, ok := strings.CutPrefix(line, "{vex} "); ok && strings.HasPrefix(rest, "vpdpbusd ") {
				vex[i] = rest
				dots++
			}
		}
		if dots != 2*pair.rows {
			t.Errorf("%d rows: %d dot products in the VEX form instead of %d", pair.rows, dots, 2*pair.rows)
		}
		if !slices.Equal(vex, evex) {
			t.Errorf("%d rows: the VEX form is\n%s\nwhere the EVEX form is\n%s", pair.rows, strings.Join(vex, "\n"), strings.Join(evex, "\n"))
		}
	}
}

var (
	address = regexp.MustCompile(`^ *[0-9a-f]+:\s+`)
	jump    = regexp.MustCompile(`^(j\w+ ).*`)
	call    = regexp.MustCompile(`^call (0x[0-9a-f]+)`)
)

// disassemble returns the instructions of an assembly function of this program,
// without their addresses. What Go calls is a wrapper, which calls the function.
func disassemble(t *testing.T, f func(*tile)) []string {
	t.Helper()
	for _, line := range instructions(t, uint64(reflect.ValueOf(f).Pointer())) {
		if m := call.FindStringSubmatch(line); m != nil {
			at, err := strconv.ParseUint(m[1], 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			return instructions(t, at)
		}
	}
	t.Fatal("the wrapper of an assembly function calls nothing")
	return nil
}

// instructions returns those from an address up to the first return.
func instructions(t *testing.T, from uint64) []string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const enough = 1 << 12
	out, err := exec.CommandContext(t.Context(), "objdump", "-d", "--no-show-raw-insn",
		fmt.Sprintf("--start-address=%#x", from), fmt.Sprintf("--stop-address=%#x", from+enough), program).CombinedOutput()
	if err != nil {
		t.Fatalf("objdump: %v\n%s", err, out)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		at := address.FindString(line)
		if at == "" {
			continue
		}
		text := jump.ReplaceAllString(strings.Join(strings.Fields(line[len(at):]), " "), "$1")
		lines = append(lines, text)
		if strings.HasPrefix(text, "ret") {
			return lines
		}
	}
	t.Fatalf("objdump shows no function:\n%s", out)
	return nil
}
