package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/maskline/maskline/services/masker/keys"
)

// Names of the files that init makes beside each other, for the two who need the login.
const (
	passwordFile = "password" // Postgres' own: POSTGRES_PASSWORD_FILE
	pgpassFile   = "pgpass"   // its clients': PGPASSFILE
)

func initCommand() command {
	return command{
		name:  "init",
		brief: "make the secrets of a new deployment, unless they are there",
		summary: "Makes what a new deployment must keep secret: a key file for keyed masks, and the password of its database, once for " +
			"Postgres and once, as a pgpass file, for those who log in. What is there already is left as it is. Nothing secret " +
			"is printed.",
		run: initialize,
	}
}

type initSettings struct {
	KeyFile  string `env:"MASKLINE_KEY_FILE" required:"true" help:"Key file to make, mode 0400."`
	LoginDir string `flag:"login-dir" help:"Folder to make the files password and pgpass in, modes 0440 and 0400. Empty: none."`
	Login    string `flag:"login" default:"*:*:*:*" help:"host:port:database:user that the pgpass file is for; * is any."`
}

func initialize(_ context.Context, cmd command, c call) error {
	var s initSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	made, err := makeKey(s.KeyFile)
	if err == nil {
		_, err = fmt.Fprintf(c.stdout, "%s: %s\n", s.KeyFile, made)
	}
	if err == nil && s.LoginDir != "" {
		if made, err = makeLogin(s.LoginDir, s.Login); err == nil {
			_, err = fmt.Fprintf(c.stdout, "%s: %s\n", s.LoginDir, made)
		}
	}
	return named(cmd, err)
}

// makeKey makes a key file. One that is there must be fit for use, or the masker would stumble over it later.
func makeKey(path string) (what string, err error) {
	var set *keys.Keyset
	if _, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		what = "made"
		set, err = keys.Create(path, "k1")
	} else {
		what = "there already"
		set, err = keys.Load(path)
	}
	if err != nil {
		return "", err
	}
	id, check := set.CheckValue()
	return fmt.Sprintf("key %s, check value %s, %s", id, check, what), nil
}

// makeLogin makes a password for both sides. The clients' file comes last: it is there only if the other one is.
func makeLogin(dir, login string) (what string, err error) {
	pgpass := filepath.Join(dir, pgpassFile)
	if _, err := os.Stat(pgpass); !errors.Is(err, fs.ErrNotExist) {
		return "password there already", err
	}
	password := rand.Text()
	// Postgres runs as another user, of this one's group.
	err = replaceFile(filepath.Join(dir, passwordFile), password, 0o440)
	if err == nil {
		err = replaceFile(pgpass, login+":"+password+"\n", 0o400)
	}
	return "password made", err
}

// replaceFile writes a whole file or none. What an earlier run left unfinished is overwritten.
func replaceFile(path, content string, mode fs.FileMode) error {
	unfinished := path + ".unfinished"
	if err := os.Remove(unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(unfinished, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
