package main

import (
	"context"
	"fmt"

	"github.com/maskline/maskline/services/masker/keys"
)

func keysCreateCommand() command {
	return command{
		name: "keys create", positional: "FILE",
		brief: "make a key file for keyed masks",
		summary: "Writes a key file with one new random key, readable by you alone. A file that is there is never overwritten. " +
			"Keep a copy in a safe place: without the key, new masks do not match old ones, and nothing brings it back.",
		run: keysCreate,
	}
}

type keysSettings struct {
	ID string `flag:"id" default:"k1" help:"The key's id, 1 to 16 of a-z and 0-9; it is part of every mask."`
}

func keysCreate(_ context.Context, cmd command, c call) error {
	var s keysSettings
	rest, err := c.load(cmd, &s)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usage("maskline keys create: FILE is missing; for example: maskline keys create key.json")
	}
	if !keys.ValidID(s.ID) {
		return usage("maskline keys create: --id=%q: 1 to 16 of a-z and 0-9", s.ID)
	}
	set, err := keys.Create(rest[0], s.ID)
	if err != nil {
		return named(cmd, err)
	}
	id, check := set.CheckValue()
	_, err = fmt.Fprintf(c.stdout, "%s: key %s, check value %s; set MASKLINE_KEY_FILE=%s for the masker\n", rest[0], id, check, rest[0])
	return err
}
