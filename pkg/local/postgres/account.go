package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user whom the server runs as: Postgres refuses root.
type account struct {
	name     string
	uid, gid uint32
	switched bool // We are root, and the server is not us.
}

// serverAccount is ourselves, or for root the first of the accounts that have no rights of their own.
func serverAccount() (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{name: strconv.Itoa(uid)}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{name: name, uid: uint32(uid), gid: uint32(gid), switched: true}, nil
		}
	}
	return account{}, errors.New("postgres: refuses to run as root, and there is no user postgres or nobody")
}

// command prepares a program to run as the account, in a process group of its own: a Ctrl-C on the terminal is for us
// to handle, in our order. Of the environment it gets the search path only, since PG* variables change what the
// programs do.
func (a account) command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // Programs of the folder that was found, and sh.
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return cmd
}

// mkdir makes a folder that only the account may enter.
func (a account) mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	return a.own(path)
}

// writeFile makes a file that only the account may read.
func (a account) writeFile(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return a.own(path)
}

func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// barrier is the first folder on the way to path that the account may not enter, or empty.
func (a account) barrier(path string) string {
	if !a.switched {
		return ""
	}
	if parent := filepath.Dir(path); parent != path {
		if found := a.barrier(parent); found != "" {
			return found
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	enter := os.FileMode(0o001)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case stat.Uid == a.uid:
			enter = 0o100
		case stat.Gid == a.gid:
			enter = 0o010
		}
	}
	if info.Mode()&enter == 0 {
		return path
	}
	return ""
}

// temporary is the folder for temporary ones. TMPDIR may lead where the account cannot go.
func (a account) temporary() string {
	if dir := os.TempDir(); a.barrier(dir) == "" {
		return dir
	}
	return "/tmp"
}
