package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/mmcloughlin/avo/reg"
)

// bytesAVXVNNI is bytesVNNI with registers of half the size, for processors with
// AVX-VNNI, most of which have no AVX-512: Intel since Alder Lake. Its instructions are
// spelt out by vexDots.
func bytesAVXVNNI(g *gen) {
	byteSet{
		suffix: "AVXVNNI", size: 32,
		constants: func(*gen) reg.VecVirtual { return nil },
		query:     func(_ *gen, q reg.VecVirtual) []reg.VecVirtual { return []reg.VecVirtual{q} },
		mac: func(g *gen, _ reg.VecVirtual, q []reg.VecVirtual, row, acc reg.VecVirtual) {
			g.VPDPBUSD(q[0], row, acc)
		},
		special: []int{128, 256},
	}.emit(g)
}

var evexDot = regexp.MustCompile(`(?m)^\tVPDPBUSD\s+Y(\d+), Y(\d+), Y(\d+)$`)

// vexDots replaces the instructions VPDPBUSD of 32-byte registers by the bytes of their
// VEX form, which AVX-VNNI has. Go's assembler knows the EVEX form of AVX-512 only.
func vexDots(assembly []byte) ([]byte, error) {
	var err error
	out := evexDot.ReplaceAllFunc(assembly, func(line []byte) []byte {
		var numbers [3]int
		for i, n := range evexDot.FindSubmatch(line)[1:] {
			numbers[i], _ = strconv.Atoi(string(n))
			if numbers[i] > 15 {
				err = fmt.Errorf("the VEX form has no register %d", numbers[i])
			}
		}
		var s strings.Builder
		fmt.Fprintf(&s, "\t// VPDPBUSD Y%d, Y%d, Y%d\n\t", numbers[0], numbers[1], numbers[2])
		for i, b := range vexDot(numbers[0], numbers[1], numbers[2]) {
			if i > 0 {
				s.WriteString("; ")
			}
			fmt.Fprintf(&s, "BYTE $0x%02x", b)
		}
		return []byte(s.String())
	})
	return out, err
}

// vexDot encodes VPDPBUSD: three-byte VEX prefix, 256 bits, prefix 66, opcode map 0F38,
// W0, opcode 50 (Intel's Software Developer's Manual). Registers are in Go's order.
func vexDot(signed, unsigned, sum int) []byte {
	high := func(r int) byte { return byte(1 - r/8) } // bits of the prefix are inverted
	return []byte{
		0xc4,
		high(sum)<<7 | 1<<6 | high(signed)<<5 | 2,
		byte(15-unsigned)<<3 | 1<<2 | 1,
		0x50,
		0xc0 | byte(sum&7)<<3 | byte(signed&7),
	}
}
