package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/maskline/maskline/pkg/config"
)

// part is one of the settings that a union is made of: a pointer to a struct, and the names in it that are not for the
// user to set.
type part struct {
	settings any
	without  []string
}

// union is one struct made of the settings of several, each name once: the stages share names such as
// MASKLINE_LOG_LEVEL, and a command line must not have a flag twice.
type union struct {
	parts  []part
	places map[string]int // of the fields, by name in the environment
	value  reflect.Value
	before reflect.Value // as Load finds it: the defaults
}

// rules lets config.Load ask for the rules that span several settings: a struct made at run time has no methods.
type rules struct {
	ask func() []config.Complaint
}

// Validate implements config.Validator.
func (r *rules) Validate() []config.Complaint {
	if r.ask == nil {
		return nil
	}
	return r.ask()
}

// unite makes the union. validate is asked after the parts were filled.
func unite(validate func() []config.Complaint, parts ...part) *union {
	u := &union{parts: parts, places: map[string]int{}}
	fields := []reflect.StructField{{Name: "Rules", Type: reflect.TypeFor[rules]()}}
	u.each(func(name string, sf reflect.StructField, _ reflect.Value) {
		if i, known := u.places[name]; known {
			fields[i].Tag = merge(fields[i].Tag, sf.Tag)
			return
		}
		u.places[name] = len(fields)
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("Setting%d", len(fields)), Type: sf.Type, Tag: sf.Tag})
	})
	kind := reflect.StructOf(fields)
	u.value, u.before = reflect.New(kind), reflect.New(kind)
	fillDefaults(u.before.Interface())
	u.value.Elem().Field(0).Set(reflect.ValueOf(rules{ask: func() []config.Complaint {
		u.scatter()
		return validate()
	}}))
	return u
}

const ownDefaults = " Each stage has a default of its own."

// merge joins two tags of one name. Where the defaults differ the union has none, so that what is given shows; the
// stricter limit is that of the later part.
func merge(a, b reflect.StructTag) reflect.StructTag {
	if a.Get("default") == b.Get("default") {
		return a
	}
	help := strings.TrimSuffix(a.Get("help"), ownDefaults) + ownDefaults
	return reflect.StructTag(fmt.Sprintf("env:%q min:%q help:%q", a.Get("env"), b.Get("min"), help))
}

// target is what config.Load fills.
func (u *union) target() any { return u.value.Interface() }

// scatter hands what was given to the parts. What was not given is each part's own default.
func (u *union) scatter() {
	for _, p := range u.parts {
		fillDefaults(p.settings)
	}
	u.each(func(name string, _ reflect.StructField, field reflect.Value) {
		given := u.value.Elem().Field(u.places[name])
		if !reflect.DeepEqual(given.Interface(), u.before.Elem().Field(u.places[name]).Interface()) {
			field.Set(given)
		}
	})
}

// fillDefaults leaves complaints about what is required to the real Load.
func fillDefaults(target any) { _, _ = config.Load(target, config.Source{}) }

// each visits the settings of all parts.
func (u *union) each(visit func(name string, sf reflect.StructField, field reflect.Value)) {
	for _, p := range u.parts {
		walk(reflect.ValueOf(p.settings).Elem(), func(name string, sf reflect.StructField, field reflect.Value) {
			if !slices.Contains(p.without, name) {
				visit(name, sf, field)
			}
		})
	}
}

// walk visits the settings of a struct and of the structs inside it.
func walk(v reflect.Value, visit func(name string, sf reflect.StructField, field reflect.Value)) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if name := sf.Tag.Get("env"); name != "" {
			visit(name, sf, v.Field(i))
		} else if sf.IsExported() && sf.Type.Kind() == reflect.Struct {
			walk(v.Field(i), visit)
		}
	}
}
