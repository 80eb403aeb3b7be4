package main

import (
	"bytes"
	"testing"
)

// TestVEXDot compares with what GNU as makes of {vex} vpdpbusd.
func TestVEXDot(t *testing.T) {
	for _, c := range []struct {
		signed, unsigned, sum int
		want                  []byte
	}{
		{1, 2, 3, []byte{0xc4, 0xe2, 0x6d, 0x50, 0xd9}},
		{9, 2, 3, []byte{0xc4, 0xc2, 0x6d, 0x50, 0xd9}},
		{1, 12, 3, []byte{0xc4, 0xe2, 0x1d, 0x50, 0xd9}},
		{1, 2, 14, []byte{0xc4, 0x62, 0x6d, 0x50, 0xf1}},
		{15, 15, 15, []byte{0xc4, 0x42, 0x05, 0x50, 0xff}},
		{0, 0, 0, []byte{0xc4, 0xe2, 0x7d, 0x50, 0xc0}},
		{8, 7, 9, []byte{0xc4, 0x42, 0x45, 0x50, 0xc8}},
	} {
		if got := vexDot(c.signed, c.unsigned, c.sum); !bytes.Equal(got, c.want) {
			t.Errorf("Y%d, Y%d, Y%d: got % x, want % x", c.signed, c.unsigned, c.sum, got, c.want)
		}
	}
	if _, err := vexDots([]byte("\tVPDPBUSD Y1, Y16, Y2\n")); err == nil {
		t.Error("register 16 has no VEX form")
	}
	got, err := vexDots([]byte("\tRET\n\tVPDPBUSD   Y1, Y2, Y3\n\tVPDPBUSD Z1, Z2, Z3\n"))
	want := "\tRET\n\t// VPDPBUSD Y1, Y2, Y3\n\tBYTE $0xc4; BYTE $0xe2; BYTE $0x6d; BYTE $0x50; BYTE $0xd9\n\tVPDPBUSD Z1, Z2, Z3\n"
	if err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
}
