package syncer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

// self names this process so that another on the same machine can find out whether
// it is still there: where it runs, its number, and when it began. Numbers are used
// again, and mean nothing on another machine or in another container.
var self = sync.OnceValue(func() string {
	pid := os.Getpid()
	began, _ := beganAt(pid)
	return fmt.Sprintf("%s/%d/%s", place(), pid, began)
})

// hasDied reports whether the process that a holder names is known to be gone. Of one
// that cannot be looked at from here that is not known.
func hasDied(holder string) bool {
	at := strings.LastIndexByte(holder, '/')
	if at < 0 {
		return false
	}
	began := holder[at+1:]
	where, number, ok := strings.Cut(holder[:at], "/")
	pid, err := strconv.Atoi(number)
	if !ok || err != nil || pid <= 0 || where != place() || where == "" || began == "" {
		return false
	}
	now, known := beganAt(pid)
	return known && now != began
}
