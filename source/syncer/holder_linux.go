package syncer

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// place names the machine since it was started, and the space that numbers of
// processes belong to; "" where that cannot be found out.
func place() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "+" + space
}

// beganAt returns when a process began, in ticks since the machine did: the 22nd
// field of /proc/PID/stat (proc(5)), "" if there is no such process. known is false
// where that cannot be seen.
func beganAt(pid int) (ticks string, known bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) {
		return "", true
	}
	// The second field, the name in brackets, may hold spaces and brackets.
	end := strings.LastIndexByte(string(data), ')')
	if err != nil || end < 0 {
		return "", false
	}
	fields := strings.Fields(string(data[end+1:])) // from the third on
	if len(fields) < 20 || fields[0] == "Z" {      // a zombie has ended
		return "", len(fields) >= 20
	}
	return fields[19], true
}
