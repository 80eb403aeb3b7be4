package config

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
)

// Flag is a setting given on the command line.
type Flag struct {
	Setting string // dotted name
	Value   string
	As      string // the flag as the user wrote it, "--data"
}

// Sources are where Load reads from.
type Sources struct {
	File  string // --config; "" takes SMARTRETRIEVER_CONFIG, then the default path if a file is there
	Env   Env
	Flags []Flag
}

// fileVariable names the variable that gives the path of the file.
const fileVariable = EnvPrefix + "CONFIG"

// Load reads the configuration. The error is of type Faults and lists everything
// that is wrong; the Config returned with it holds what could be read.
func Load(src Sources) (Config, error) {
	c := Default()
	c.origins = make(map[string]Origin)
	l := &loader{Config: &c}

	path, named := src.File, src.File != ""
	if !named {
		path = src.Env.Get(fileVariable)
		named = path != ""
	}
	if !named {
		path = DefaultFile(src.Env)
	}
	if path != "" {
		l.readFile(path, named)
	}
	l.applyEnv(src.Env)
	for _, f := range src.Flags {
		l.applyFlag(f)
	}
	if c.Extract.OCRData == "" { // tesseract's own variable, which it is not given otherwise
		c.Extract.OCRData = src.Env.Get("TESSDATA_PREFIX")
	}
	l.readSecretFiles()
	l.check()
	if c.Data == "" {
		c.Data = DefaultData(src.Env)
	}
	if c.Data == "" {
		l.fault("", "data", "the user's data folder is not known here; set data (--data DIR)")
	}
	return c, l.faults.err()
}

// loader gathers settings and faults.
type loader struct {
	*Config
	faults Faults
}

func (l *loader) fault(where, setting, message string) {
	l.faults = append(l.faults, Fault{Where: where, Setting: setting, Message: message})
}

func (l *loader) field(s *setting) reflect.Value {
	return reflect.ValueOf(l.Config).Elem().FieldByIndex(s.index)
}

func (l *loader) readFile(path string, named bool) {
	data, err := readBounded(path)
	switch {
	case err == nil:
		l.file = path
		l.applyFile(path, data)
	case errors.Is(err, fs.ErrNotExist) && !named:
	default:
		l.fault(path, "", "the configuration file cannot be read: "+reason(err))
	}
}

// reason is the cause of a file error without the path, which the fault names.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}

// applyEnv reads the variables that begin with EnvPrefix, in order of name.
func (l *loader) applyEnv(env Env) {
	byVariable := make(map[string]*setting, len(settings))
	known := make([]string, 0, len(settings))
	for i := range settings {
		byVariable[settings[i].env()] = &settings[i]
		known = append(known, settings[i].env())
	}
	for _, name := range slices.Sorted(env.names()) {
		if !strings.HasPrefix(name, EnvPrefix) || name == fileVariable {
			continue
		}
		value := env.Get(name)
		s := byVariable[name]
		where := "environment " + name
		switch {
		case s == nil && serviceLink(name, value):
		case s == nil:
			l.fault(where, "", "unknown setting"+didYouMean(name, known))
		case value == "":
			// An empty variable counts as not set, as is the custom of container files.
		case entrySettings(s.typ) != nil:
			l.entriesFromText(s, where, value)
		default:
			if err := s.setText(l.field(s), value); err != nil {
				l.fault(where, s.name, err.Error())
				continue
			}
			l.origins[s.name] = Origin{FromEnvironment, name}
		}
	}
}

// serviceLink reports whether a variable is one that Kubernetes sets by itself in
// every container for a service named smartretriever (SMARTRETRIEVER_PORT,
// SMARTRETRIEVER_SERVICE_HOST, SMARTRETRIEVER_PORT_8000_TCP_ADDR and so on).
func serviceLink(name, value string) bool {
	rest := strings.TrimPrefix(name, EnvPrefix)
	return strings.Contains(rest, "SERVICE_HOST") || strings.Contains(rest, "SERVICE_PORT") ||
		strings.Contains(rest, "PORT_") || strings.HasSuffix(rest, "PORT") && strings.Contains(value, "://")
}

// entriesFromText reads a list of entries from a variable that holds it as YAML (or
// JSON).
func (l *loader) entriesFromText(s *setting, where, text string) {
	n, err := parseNode(text)
	if err != nil {
		l.fault(where, s.name, yamlMessage(err))
		return
	}
	before := len(l.faults)
	f := fileLayer{loader: l, name: where}
	f.set(s, l.field(s), n, s.name)
	if len(l.faults) == before {
		l.origins[s.name] = Origin{FromEnvironment, s.env()}
	}
}

func (l *loader) applyFlag(f Flag) {
	where := "flag " + f.As
	s := find(settings, f.Setting)
	switch {
	case s == nil:
		l.fault(where, "", "unknown setting "+f.Setting+didYouMean(f.Setting, names(settings)))
	case s.typ == reflect.TypeFor[Secret]() || s.typ == reflect.TypeFor[[]Key](), s.typ == reflect.TypeFor[[]SourceSecret]():
		l.fault(where, s.name, "a secret is not taken from the command line, where others can read it; use the file, the variable "+
			s.env()+" or a file that holds it")
	case entrySettings(s.typ) != nil:
		l.fault(where, s.name, "a list of entries is not taken from the command line; use the file or the variable "+s.env())
	default:
		if err := s.setText(l.field(s), f.Value); err != nil {
			l.fault(where, s.name, err.Error())
			return
		}
		l.origins[s.name] = Origin{FromFlag, f.As}
	}
}
