package writer

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/rpc"
)

// Config is all that the writer is told.
type Config struct {
	// DatabaseURL is the login, which nobody but the writer has. PG* variables fill in what it leaves out, all of it if
	// it is empty. Default: empty.
	DatabaseURL config.Secret `env:"DATABASE_URL" help:"Postgres to write to, as a URL or key=value pairs; PG* variables fill in what it leaves out."`
	// Tables may be written; streams for others are refused, so a masker's mapping alone opens no table. Default:
	// user_logins.
	Tables []string `env:"MASKLINE_TABLES" default:"user_logins" help:"Tables that may be written, comma separated, as the mapping names them."`
	// CommitMaxRows bounds a transaction. More rows cost Postgres less each, and take longer to commit. Default 1000.
	CommitMaxRows int `env:"MASKLINE_COMMIT_MAX_ROWS" default:"1000" min:"1" max:"10000" help:"Most rows in one transaction."`
	// Connections write at the same time; one more looks into the catalog. 2 to 4 are enough for one Postgres, and all
	// writers together must stay below its max_connections. Default 2.
	Connections int `env:"MASKLINE_CONNECTIONS" default:"2" min:"1" max:"32" help:"Connections that write at the same time; one more watches."`
	// Listen is where maskers, health checks and status are served. Port 0 takes any free port. Default 127.0.0.1:7003.
	Listen string `env:"MASKLINE_LISTEN" default:"127.0.0.1:7003" help:"Address to serve maskers, health and status on."`
	// MaxInFlightBytes is the ceiling of what is held without a verdict. Each masker is granted 4 MiB of it. Default
	// 64 MiB.
	MaxInFlightBytes config.Bytes `env:"MASKLINE_MAX_IN_FLIGHT_BYTES" default:"64MiB" min:"8MiB" help:"Bytes of batches held at a time; each masker is granted 4 MiB of it."`
	// ShutdownGrace is the time to commit what is held after SIGTERM. What is left is sent again by the maskers.
	// Default 30s.
	ShutdownGrace time.Duration `env:"MASKLINE_SHUTDOWN_GRACE" default:"30s" min:"1s" help:"Time to finish what is in flight after SIGTERM."`
	// Plaintext allows gRPC without TLS beyond loopback. Default false.
	Plaintext bool `env:"MASKLINE_PLAINTEXT" default:"false" help:"Allow unencrypted gRPC beyond this machine."`
	TLS       rpc.TLSFiles
	// LogLevel is the least severe line shown. Default info.
	LogLevel string `env:"MASKLINE_LOG_LEVEL" default:"info" oneof:"debug|info|warn|error" help:"Least severe log line shown."`
	// LogFormat is text, json, or auto: text on a terminal, else json. Default auto.
	LogFormat string `env:"MASKLINE_LOG_FORMAT" default:"auto" oneof:"auto|text|json" help:"auto: text on a terminal, else json."`
}

// Validate checks what tags cannot say: names of tables, and the login's form.
func (c *Config) Validate() []config.Complaint {
	var complaints []config.Complaint
	name := regexp.MustCompile(`^[^.\x00]{1,63}(\.[^.\x00]{1,63})?$`)
	bad := slices.ContainsFunc(c.Tables, func(table string) bool { return !name.MatchString(table) })
	if len(c.Tables) == 0 || bad {
		complaints = append(complaints, config.Complaint{
			Key: "MASKLINE_TABLES", Rule: "one or more names, each table or schema.table",
		})
	}
	if _, err := parseDSN(c.DatabaseURL.Reveal()); err != nil {
		complaints = append(complaints, config.Complaint{
			Key: "DATABASE_URL", Rule: strings.TrimPrefix(err.Error(), "DATABASE_URL: "),
		})
	}
	return complaints
}
