package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	temporaryPattern = "maskline-postgres-"
	lockName         = "owner.lock"
	// sweepAfter spares a folder that another process has just made and not locked yet.
	sweepAfter = 10 * time.Second
)

// folder holds one cluster: its data, which belong to the server's account, its password and a lock, which belong to
// us. The kernel drops the lock when we end in any way, so whoever gets it knows that nobody else is in charge.
type folder struct {
	top, data, password string
	temporary           bool
	lock                *os.File
}

// openFolder opens dir, or makes a temporary folder and sweeps those that killed processes left behind.
func openFolder(dir string, who account) (*folder, error) {
	temporary := dir == ""
	mode := os.FileMode(0o700)
	if who.switched {
		mode = 0o711 // The server's account passes through but does not list.
	}
	if temporary {
		sweep(who)
		made, err := os.MkdirTemp(who.temporary(), temporaryPattern)
		if err != nil {
			return nil, err
		}
		if err := os.Chmod(made, mode); err != nil {
			return nil, err
		}
		dir = made
	} else {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(absolute, mode); err != nil {
			return nil, err
		}
		dir = absolute
	}
	// The server's command line is compared with this name.
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	if barrier := who.barrier(dir); barrier != "" {
		return nil, fmt.Errorf("postgres folder %s: user %s may not enter %s; choose another folder", dir, who.name, barrier)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	return &folder{
		top: dir, data: filepath.Join(dir, "data"), password: filepath.Join(dir, "password"),
		temporary: temporary, lock: lock,
	}, nil
}

// close removes a temporary folder and lets go of the lock.
func (f *folder) close() error {
	var err error
	if f.temporary {
		err = os.RemoveAll(f.top)
	}
	return errors.Join(err, f.lock.Close())
}

// lockFolder takes the lock or says who is in the way.
func lockFolder(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("postgres folder %s: in use by another process", dir)
	}
	return lock, nil
}

// sweep removes temporary folders of ours whose process is gone, and stops a server that still runs there. It is
// housekeeping: what it cannot do is left to the next one.
func sweep(who account) {
	tops, _ := filepath.Glob(filepath.Join(who.temporary(), temporaryPattern+"*"))
	for _, top := range tops {
		info, err := os.Lstat(top)
		if err != nil || !info.IsDir() || !isOurs(info) || time.Since(info.ModTime()) < sweepAfter {
			continue
		}
		lock, err := lockFolder(top)
		if err != nil {
			continue
		}
		if name, err := filepath.EvalSymlinks(top); err == nil && stopOrphanBriefly(name) == nil {
			_ = os.RemoveAll(top)
		}
		_ = lock.Close()
	}
}

func isOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
