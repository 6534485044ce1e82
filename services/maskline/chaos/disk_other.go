//go:build !linux

package chaos

import (
	"context"
	"errors"
)

// disk is a small file system of the run's own, on Linux.
type disk struct{}

var errNoDisk = errors.New("a small disk needs root on Linux")

func canMount() bool { return false }

func (s *System) tableOnSmallDisk(context.Context) error { return errNoDisk }

func (d *disk) fill() error  { return errNoDisk }
func (d *disk) empty() error { return errNoDisk }
func (d *disk) close() error { return nil }
