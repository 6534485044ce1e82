package config

import (
	"reflect"
	"strings"
)

// flags is what the command line said.
type flags struct {
	help, check, print bool
	file               string
	values             []flagValue
	rest               []string
}

// flagValue is one setting given by flag. It is applied after file and environment.
type flagValue struct {
	field *field
	text  string
}

// flags reads the command line: --name value, --name=value, --name alone for a bool, and -- before arguments that only
// look like flags. Arguments and flags may be mixed. Of a flag given twice the last one holds, so that a script can
// append.
func (l *loader) flags(args []string) flags {
	var given flags
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			given.rest = append(given.rest, args...)
			return given
		case arg == "-h":
			given.help = true
		case !strings.HasPrefix(arg, "-") || arg == "-":
			given.rest = append(given.rest, arg)
		default:
			args = l.flag(&given, arg, args)
		}
	}
	return given
}

// flag takes one flag and, where it needs one, its value from the arguments after it. It returns those not used.
func (l *loader) flag(given *flags, arg string, args []string) []string {
	name, text, inline := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	bad := func(rule string) []string {
		l.complaints = append(l.complaints, Complaint{File: "flag", Key: "--" + name, Rule: rule})
		return args
	}
	f := l.byFlag(name)
	if f == nil {
		switch name {
		case "help", "check", "print-config":
			if inline {
				return bad("takes no value")
			}
			given.help = given.help || name == "help"
			given.check = given.check || name == "check"
			given.print = given.print || name == "print-config"
			return args
		case "config":
		default:
			return bad("unknown" + l.suggestFlag(name))
		}
	}
	if !strings.HasPrefix(arg, "--") {
		return bad("write it with two dashes")
	}
	if !inline {
		switch {
		case f != nil && f.value.Kind() == reflect.Bool:
			text = "true"
		case len(args) == 0 || strings.HasPrefix(args[0], "--"):
			return bad("needs a value")
		default:
			text, args = args[0], args[1:]
		}
	}
	if f == nil {
		given.file = text
		return args
	}
	given.values = append(given.values, flagValue{field: f, text: text})
	return args
}
