package ledger_test

import (
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"heraut/jobs"
	"heraut/jobs/ledger/ledgertest"
)

// SQLite gives up with "locking protocol" when others were before it at the log
// for ten seconds. The ledger goes on, and writes when they are gone.
func TestLostRaceForTheLog(t *testing.T) {
	t.Parallel()
	url := ledgertest.SQLite(t)
	db := ledgertest.Open(t, url)
	apply(t, db, programme(start1130, rules), now)
	log, err := os.OpenFile(strings.TrimPrefix(url, "sqlite:")+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	// The five bytes on which who reads says where it stands (walformat.html,
	// 2.3). A lock of the open file, not of the process: SQLite is in the same.
	const ofdSetLock = 37
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: 123, Len: 5}
	if err := syscall.FcntlFlock(log.Fd(), ofdSetLock, &lock); err != nil {
		t.Fatal(err)
	}
	free := time.AfterFunc(15*time.Second, func() { log.Close() })
	defer free.Stop()
	r := jobs.Registration{EventID: "workshop", Email: address(t, "laat@example.org"), Name: "Deelnemer", Lang: jobs.Dutch}
	if _, _, err := db.Register(t.Context(), r, now); err != nil {
		t.Fatal(err)
	}
}
