// Package machine describes what a benchmark ran on.
package machine

import (
	"bufio"
	"os"
	"runtime"
	"strings"
	"time"
)

// Description goes into every result file.
type Description struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	Go    string `json:"go"`
	Date  string `json:"date"`
}

// Describe looks at this machine.
func Describe() Description {
	d := Description{Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), Date: time.Now().UTC().Format(time.DateOnly)}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return d
	}
	defer f.Close()
	features := ""
	for s := bufio.NewScanner(f); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), ":")
		switch strings.TrimSpace(name) {
		case "model name":
			d.CPU = strings.TrimSpace(value)
		case "flags":
			features = value
		}
	}
	for _, f := range []string{"avx2", "avx512f", "avx512_vnni", "avx_vnni"} {
		if strings.Contains(features, f) {
			d.CPU += " " + f
		}
	}
	return d
}
