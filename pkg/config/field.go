package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// originKind orders the sources.
type originKind int

const (
	fromDefault originKind = iota
	fromFile
	fromEnv
	fromFlag
)

// origin is where a value came from.
type origin struct {
	kind originKind
	file string
	line int
}

// where is the origin as a Complaint names it.
func (o origin) where() string {
	return [...]string{"default", o.file, "environment", "flag"}[o.kind]
}

// key is the name under which the value was given.
func (o origin) key(f *field) string {
	if o.kind == fromFlag || f.env == "" {
		return "--" + f.flag
	}
	return f.env
}

// field is one setting of a target.
type field struct {
	value            reflect.Value
	env, flag, help  string
	def, least, most string
	oneOf            []string
	required, secret bool
	origin           origin
	broken           bool
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	bytesType    = reflect.TypeFor[Bytes]()
	secretType   = reflect.TypeFor[Secret]()
	listType     = reflect.TypeFor[[]string]()
)

// fieldsOf walks a target in the order of its fields and changes nothing in it. It panics on wrong tags: they are
// constants of the program, so any test that loads the struct finds them.
func fieldsOf(target any) []*field {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("config: %T: not a pointer to a struct", target))
	}
	var fields []*field
	walk(v.Elem(), func(sf reflect.StructField, value reflect.Value) {
		fields = append(fields, newField(sf, value))
	})
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.flag] {
			panic("config: --" + f.flag + ": claimed twice")
		}
		seen[f.flag] = true
	}
	return fields
}

// walk visits the tagged fields of a struct and of the structs inside it.
func walk(v reflect.Value, visit func(reflect.StructField, reflect.Value)) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		switch {
		case sf.Tag.Get("env") != "" || sf.Tag.Get("flag") != "":
			if !sf.IsExported() {
				panic("config: " + sf.Name + ": tagged but not exported")
			}
			visit(sf, v.Field(i))
		case sf.Type.Kind() == reflect.Struct && (sf.IsExported() || sf.Anonymous):
			walk(v.Field(i), visit)
		}
	}
}

func newField(sf reflect.StructField, value reflect.Value) *field {
	f := &field{
		value:    value,
		env:      sf.Tag.Get("env"),
		flag:     sf.Tag.Get("flag"),
		help:     sf.Tag.Get("help"),
		def:      sf.Tag.Get("default"),
		least:    sf.Tag.Get("min"),
		most:     sf.Tag.Get("max"),
		required: sf.Tag.Get("required") == "true",
		secret:   sf.Tag.Get("secret") == "true" || sf.Type == secretType,
	}
	if list := sf.Tag.Get("oneof"); list != "" {
		f.oneOf = strings.Split(list, "|")
	}
	if f.flag == "" {
		f.flag = strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(f.env, prefix), "_", "-"))
	}
	if _, rule := decode(value.Type(), ""); rule == badType {
		panic("config: " + sf.Name + ": " + value.Type().String() + ": " + rule)
	}
	for _, limit := range []string{f.least, f.most} {
		if _, rule := decode(value.Type(), limit); limit != "" && (rule != "" || !f.countable()) {
			panic("config: " + sf.Name + ": limit " + limit + ": " + rule)
		}
	}
	if _, rule := f.check(f.def); f.def != "" && rule != "" {
		panic("config: " + sf.Name + ": default " + f.def + ": " + rule)
	}
	return f
}

// fill gives the field its default, or takes what the target holds as the default.
func (f *field) fill() {
	if !f.value.IsZero() {
		f.def = encode(f.value)
		return
	}
	if f.def != "" {
		f.set(f.def)
	}
}

func (f *field) countable() bool { return f.value.CanInt() }

// set puts text into the field. It returns the rule that text breaks, or nothing.
func (f *field) set(text string) string {
	v, rule := f.check(text)
	if rule == "" {
		f.value.Set(v)
	}
	return rule
}

// check decodes text and holds it against the field's limits.
func (f *field) check(text string) (reflect.Value, string) {
	v, rule := decode(f.value.Type(), text)
	if rule != "" {
		return v, rule
	}
	if f.countable() {
		if low, _ := decode(f.value.Type(), f.least); f.least != "" && v.Int() < low.Int() {
			return v, "at least " + f.least
		}
		if high, _ := decode(f.value.Type(), f.most); f.most != "" && v.Int() > high.Int() {
			return v, "at most " + f.most
		}
	}
	for _, word := range words(v) {
		if len(f.oneOf) > 0 && !slices.Contains(f.oneOf, word) {
			return v, "one of " + strings.Join(f.oneOf, ", ")
		}
	}
	return v, ""
}

// words are the texts that a closed list is held against.
func words(v reflect.Value) []string {
	if list, ok := reflect.TypeAssert[[]string](v); ok {
		return list
	}
	return []string{encode(v)}
}

// display is the value as a person may see it.
func (f *field) display() string { return shown(f, encode(f.value)) }

// shown masks text if the field is secret, and a password inside a URL in any case.
func shown(f *field, text string) string {
	if f.secret && text != "" {
		return masked
	}
	return maskURL(text)
}

// validators lists the structs of a target that have rules of their own, inner ones first.
func validators(target any) []Validator {
	var found []Validator
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		for i := range v.NumField() {
			if sf := v.Type().Field(i); sf.Type.Kind() == reflect.Struct && sf.IsExported() {
				visit(v.Field(i))
			}
		}
		if val, ok := reflect.TypeAssert[Validator](v.Addr()); ok {
			found = append(found, val)
		}
	}
	visit(reflect.ValueOf(target).Elem())
	return found
}
