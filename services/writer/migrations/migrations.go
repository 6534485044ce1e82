// Package migrations holds the history of the built-in table user_logins, as goose reads it. A file that was released
// never changes: the next change is the next file, and it only ever adds, because writers of the release before are
// still running while it is applied.
package migrations

import "embed"

// Files are the migrations, in the order of their names.
//
//go:embed *.sql
var Files embed.FS
