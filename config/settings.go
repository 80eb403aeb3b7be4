package config

import (
	"reflect"
	"slices"
	"strings"
)

// EnvPrefix begins the name of every variable that is read as a setting.
const EnvPrefix = "SMARTRETRIEVER_"

// setting describes one field of Config.
type setting struct {
	name  string // dotted
	help  string
	def   string // the default, as text
	enum  []string
	low   string // least value, as text, "" for none
	high  string // greatest value
	index []int  // of the field in Config, for reflect
	typ   reflect.Type
}

// env is the name of the variable that gives the setting.
func (s *setting) env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.name, ".", "_"))
}

// settings lists every setting in the order of Config's fields.
var settings = describe(reflect.TypeFor[Config](), "", nil)

// These list the fields of an entry of server.keys, of llm.fallbacks, of budgets, of
// sources.secrets, of enrich.topics and of enrich.labels.
var (
	keySettings    = describe(reflect.TypeFor[Key](), "", nil)
	chatSettings   = describe(reflect.TypeFor[ChatModel](), "", nil)
	budgetSettings = describe(reflect.TypeFor[Budget](), "", nil)
	secretSettings = describe(reflect.TypeFor[SourceSecret](), "", nil)
	topicSettings  = describe(reflect.TypeFor[Topic](), "", nil)
	labelSettings  = describe(reflect.TypeFor[Label](), "", nil)
)

// entrySettings returns the fields of an entry of a setting that is a list of
// entries, nil for any other type.
func entrySettings(t reflect.Type) []setting {
	switch t {
	case reflect.TypeFor[[]Key]():
		return keySettings
	case reflect.TypeFor[[]ChatModel]():
		return chatSettings
	case reflect.TypeFor[[]Budget]():
		return budgetSettings
	case reflect.TypeFor[[]SourceSecret]():
		return secretSettings
	case reflect.TypeFor[[]Topic]():
		return topicSettings
	case reflect.TypeFor[[]Label]():
		return labelSettings
	}
	return nil
}

func describe(t reflect.Type, prefix string, index []int) []setting {
	var out []setting
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("name")
		at := append(slices.Clone(index), i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			out = append(out, describe(f.Type, prefix, at)...)
			continue
		}
		if name == "" {
			continue
		}
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[Secret]() {
			out = append(out, describe(f.Type, prefix+name+".", at)...)
			continue
		}
		s := setting{
			name: prefix + name, help: f.Tag.Get("help"), def: f.Tag.Get("default"),
			low: f.Tag.Get("min"), high: f.Tag.Get("max"), index: at, typ: f.Type,
		}
		if e := f.Tag.Get("enum"); e != "" {
			s.enum = strings.Split(e, ",")
		}
		out = append(out, s)
	}
	return out
}

// find returns the setting of a name in a list, nil if there is none.
func find(list []setting, name string) *setting {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

func names(list []setting) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].name
	}
	return out
}

// Default returns the configuration that is in force when nothing is set.
func Default() Config {
	var c Config
	setDefaults(reflect.ValueOf(&c).Elem(), settings)
	return c
}

// setDefaults gives the fields of a struct their defaults.
func setDefaults(v reflect.Value, fields []setting) {
	for i := range fields {
		s := &fields[i]
		if s.def == "" {
			continue
		}
		if err := s.setText(v.FieldByIndex(s.index), s.def); err != nil {
			panic("config: default of " + s.name + ": " + err.Error())
		}
	}
}

// Layer is a kind of source of settings.
type Layer string

const (
	FromDefault     Layer = "default"
	FromFile        Layer = "file"
	FromEnvironment Layer = "environment"
	FromFlag        Layer = "flag"
)

// Origin says where a value came from.
type Origin struct {
	Layer Layer  `json:"layer"`
	Where string `json:"where,omitempty"` // file:line, the variable's name, or the flag
}

// String returns the place, in words.
func (o Origin) String() string {
	switch o.Layer {
	case FromFile:
		return o.Where
	case FromEnvironment:
		return "environment " + o.Where
	case FromFlag:
		return "flag " + o.Where
	}
	return string(FromDefault)
}

// Setting is one setting as it is in force.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // secrets are masked
	Default string `json:"default,omitempty"`
	Env     string `json:"env"`
	Help    string `json:"help"`
	Origin  Origin `json:"origin"`
}

// Settings lists every setting with its value and where that came from, in the
// order of Config. Secrets are masked.
func (c *Config) Settings() []Setting {
	v := reflect.ValueOf(c).Elem()
	out := make([]Setting, len(settings))
	for i := range settings {
		s := &settings[i]
		out[i] = Setting{
			Name: s.name, Value: formatValue(v.FieldByIndex(s.index)), Default: s.def,
			Env: s.env(), Help: s.help, Origin: c.Origin(s.name),
		}
	}
	return out
}

// Origin returns where a setting's value came from, by its dotted name.
func (c *Config) Origin(name string) Origin {
	if o, ok := c.origins[name]; ok {
		return o
	}
	return Origin{Layer: FromDefault}
}

// IsSet reports whether a setting was given by any source.
func (c *Config) IsSet(name string) bool {
	_, ok := c.origins[name]
	return ok
}
