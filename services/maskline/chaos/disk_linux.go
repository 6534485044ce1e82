package chaos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small file system of the run's own.
type disk struct{ dir string }

const (
	diskBytes = "size=24m"
	// ballastChunk is what fill writes at a time.
	ballastChunk = 64 << 10
)

func canMount() bool { return os.Geteuid() == 0 }

// tableOnSmallDisk moves the table, and not the log of Postgres, whose full disk is a crash and no answer.
func (s *System) tableOnSmallDisk(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "maskline-chaos-disk-")
	if err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NODEV|syscall.MS_NOSUID, diskBytes); err != nil {
		return errors.Join(err, os.Remove(dir))
	}
	s.disk = &disk{dir}
	var data string
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
		return err
	}
	info, err := os.Stat(data)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("data folder: no owner")
	}
	space := filepath.Join(dir, "space")
	if err := errors.Join(os.Chmod(dir, 0o711), os.Mkdir(space, 0o700), os.Chown(space, int(owner.Uid), int(owner.Gid))); err != nil { //nolint:gosec // Postgres' user passes through.
		return err
	}
	if err := s.exec(ctx, "CREATE TABLESPACE small LOCATION '"+space+"'"); err != nil {
		return err
	}
	return s.exec(ctx, "ALTER TABLE user_logins SET TABLESPACE small")
}

func (d *disk) ballast() string { return filepath.Join(d.dir, "ballast") }

// fill writes until nothing fits.
func (d *disk) fill() error {
	file, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	for {
		if _, err = file.Write(make([]byte, ballastChunk)); err != nil {
			break
		}
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	return errors.Join(err, file.Close())
}

func (d *disk) empty() error { return os.Remove(d.ballast()) }

func (d *disk) close() error { return errors.Join(syscall.Unmount(d.dir, 0), os.Remove(d.dir)) }
