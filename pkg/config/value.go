package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

const badType = "type not supported"

// decode reads text as a value of type t. Instead of an error it returns the rule, which never repeats the text.
func decode(t reflect.Type, text string) (reflect.Value, string) {
	v := reflect.New(t).Elem()
	switch {
	case t == secretType:
		v.Set(reflect.ValueOf(NewSecret(text)))
	case t == durationType:
		d, rule := duration(text)
		v.SetInt(int64(d))
		return v, rule
	case t == bytesType:
		n, err := ParseBytes(text)
		if err != nil {
			return v, "a size, such as 64MiB or 1GiB"
		}
		v.SetInt(int64(n))
	case t == listType:
		return list(v, text)
	case t.Kind() == reflect.String:
		v.SetString(text)
	case t.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return v, "true or false"
		}
		v.SetBool(b)
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || v.OverflowInt(n) {
			return v, "a whole number"
		}
		v.SetInt(n)
	default:
		return v, badType
	}
	return v, ""
}

// duration refuses a bare number: 30 could be seconds or milliseconds, and either guess hurts somebody.
func duration(text string) (time.Duration, string) {
	if n, err := strconv.ParseFloat(text, 64); err == nil && n != 0 {
		return 0, "needs a unit, such as " + text + "s or " + text + "ms"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, "a time with its unit, such as 500ms, 20s or 5m"
	}
	return d, ""
}

func list(v reflect.Value, text string) (reflect.Value, string) {
	if strings.TrimSpace(text) == "" {
		return v, ""
	}
	var entries []string
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			return v, "a comma list without empty entries"
		}
		entries = append(entries, entry)
	}
	v.Set(reflect.ValueOf(entries))
	return v, ""
}

// encode is the inverse of decode. It reveals secrets: callers show its result only through shown.
func encode(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case Secret:
		return x.Reveal()
	case time.Duration:
		return formatDuration(x)
	case Bytes:
		return x.String()
	case []string:
		return strings.Join(x, ",")
	}
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	default:
		return v.String()
	}
}

// formatDuration leaves out the zero units that time.Duration prints: 5m, not 5m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// typeName is the word for a value in the help page.
func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "DURATION"
	case t == bytesType:
		return "SIZE"
	case t == listType:
		return "LIST"
	case t.Kind() == reflect.Bool:
		return "BOOL"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "N"
	default:
		return "TEXT"
	}
}
