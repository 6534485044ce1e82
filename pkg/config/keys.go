package config

import (
	"slices"
	"strings"
)

const (
	prefix         = "MASKLINE_"
	configKey      = "MASKLINE_CONFIG"
	memoryLimitKey = "GOMEMLIMIT"
)

// Known is the closed list of names of all services of Maskline, sorted. Services that share one environment file must
// not refuse each other's settings; any other MASKLINE_ name is a typing error.
func Known() []string {
	return []string{
		"MASKLINE_COMMIT_MAX_ROWS",
		"MASKLINE_CONFIG",
		"MASKLINE_CONNECTIONS",
		"MASKLINE_DEAD_LETTER_QUEUE",
		"MASKLINE_KEEP_LISTENING",
		"MASKLINE_KEY_FILE",
		"MASKLINE_LISTEN",
		"MASKLINE_LOG_FORMAT",
		"MASKLINE_LOG_LEVEL",
		"MASKLINE_MAPPING",
		"MASKLINE_MASKER_ADDRESS",
		"MASKLINE_MAX_IN_FLIGHT",
		"MASKLINE_MAX_IN_FLIGHT_BYTES",
		"MASKLINE_MAX_MESSAGES",
		"MASKLINE_ON_REJECT",
		"MASKLINE_PLAINTEXT",
		"MASKLINE_POLLERS",
		"MASKLINE_PREVIEW",
		"MASKLINE_QUEUE",
		"MASKLINE_REJECT_BRAKE",
		"MASKLINE_SHUTDOWN_GRACE",
		"MASKLINE_TABLES",
		"MASKLINE_TLS_CA",
		"MASKLINE_TLS_CERT",
		"MASKLINE_TLS_KEY",
		"MASKLINE_WAIT_TIME",
		"MASKLINE_WRITER_ADDRESS",
	}
}

func isKnown(name string) bool { return slices.Contains(Known(), name) }

// isExported tells whether a name of the file belongs to a library that reads the process environment.
func isExported(name string) bool {
	return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "PG")
}

// isForeign tells whether a name may stand in the file though no setting claims it.
func isForeign(name string) bool {
	return isExported(name) || name == "DATABASE_URL" || name == memoryLimitKey ||
		strings.HasSuffix(name, "_REPLICAS") || strings.HasPrefix(name, "COMPOSE_")
}

// suggest ends a complaint about an unknown name with the nearest known one, if any is near.
func (l *loader) suggest(name string) string {
	var names []string
	for _, f := range l.fields {
		if f.env != "" {
			names = append(names, f.env)
		}
	}
	return didYouMean(strings.TrimPrefix(name, prefix), append(names, Known()...), prefix, "")
}

// suggestFlag does so for a flag.
func (l *loader) suggestFlag(name string) string {
	names := []string{"config", "check", "print-config", "help"}
	for _, f := range l.fields {
		names = append(names, f.flag)
	}
	if key := prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); isKnown(key) {
		return "; " + key + " belongs to another service"
	}
	return didYouMean(name, names, "", "--")
}

// didYouMean compares without prefix, since a long common beginning makes everything look near.
func didYouMean(name string, candidates []string, prefix, lead string) string {
	best, distance := "", max(1, min(3, len(name)/3))+1
	for _, c := range candidates {
		if d := editDistance(name, strings.TrimPrefix(c, prefix)); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + lead + best + "?"
}

// editDistance counts insertions, deletions, replacements and swaps of neighbors.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
