package config

// Setting is one setting of a target, for manuals and status pages.
type Setting struct {
	// Name is its name in the environment and the file; empty if only a flag can give it.
	Name string
	// Flag is its flag, with the dashes.
	Flag string
	// Type is DURATION, SIZE, LIST, BOOL, N or TEXT.
	Type string
	// Default is used when nobody says otherwise; masked if secret.
	Default string
	// Min and Max are the limits, empty where there is none.
	Min, Max string
	// OneOf is the closed list of values, empty where anything goes.
	OneOf []string
	// Required says that it must be given.
	Required bool
	// Secret says that its value is never shown.
	Secret bool
	// Help is its sentence.
	Help string
	// Value is what target holds now, so the zero value before Load; masked if secret.
	Value string
}

// Describe lists the settings of a target, a pointer to a struct, in the order of its fields. It does not change it.
func Describe(target any) []Setting {
	var settings []Setting
	for _, f := range fieldsOf(target) {
		settings = append(settings, Setting{
			Name: f.env, Flag: "--" + f.flag, Type: typeName(f.value.Type()),
			Default: shown(f, f.def), Min: f.least, Max: f.most, OneOf: f.oneOf,
			Required: f.required, Secret: f.secret, Help: f.help, Value: f.display(),
		})
	}
	return settings
}

// Effective gives the values of a loaded target by name, secrets masked, for GetStatus. Settings that only a flag can
// give are left out.
func Effective(target any) map[string]string {
	values := map[string]string{}
	for _, s := range Describe(target) {
		if s.Name != "" {
			values[s.Name] = s.Value
		}
	}
	return values
}
