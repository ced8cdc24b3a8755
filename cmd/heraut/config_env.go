package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"heraut/jobs"
)

const (
	envPrefix = "HERAUT_"
	// envFault is for test builds that stop at a named point; it is no key.
	envFault = "HERAUT_FAULT"
)

// overrides lets environment variables replace keys: HERAUT_SMTP__URL is
// smtp.url. A variable that names no key is an error, as in the file: it is
// there because somebody expects something of it.
func (d *document) overrides(env map[string]string, c *config) error {
	d.fromEnv = map[string]string{}
	fields := map[string]reflect.Value{}
	settable("", reflect.ValueOf(c).Elem(), fields)
	var problems []jobs.Problem
	for _, name := range slices.Sorted(maps.Keys(env)) {
		path, ok := strings.CutPrefix(name, envPrefix)
		// Empty counts as not set: compose files pass on what is not there.
		if !ok || name == envFault || env[name] == "" {
			continue
		}
		key := strings.ToLower(strings.ReplaceAll(path, "__", "."))
		field, ok := fields[key]
		if !ok {
			problems = append(problems, jobs.Problem{File: "environment", Text: fmt.Sprintf("%s sets no key of heraut.yaml; a dot is written __, as in HERAUT_SMTP__URL", name)})
			continue
		}
		d.fromEnv[key] = name
		if err := setField(field, env[name]); err != nil {
			// The value is not repeated: it may be a secret.
			problems = append(problems, jobs.Problem{File: name, Text: err.Error()})
		}
	}
	if len(problems) > 0 {
		return &jobs.ProblemsError{Problems: problems}
	}
	return nil
}

// settable lists the scalar keys of a configuration struct.
func settable(prefix string, v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case key == "":
		case v.Field(i).Kind() == reflect.Struct:
			settable(prefix+key+".", v.Field(i), into)
		case v.Field(i).Kind() != reflect.Map:
			into[prefix+key] = v.Field(i)
		}
	}
}

func setField(v reflect.Value, s string) error {
	switch v.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("a whole number is expected")
		}
		v.SetInt(int64(n))
	case reflect.Float64:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("a number is expected")
		}
		v.SetFloat(f)
	default:
		v.SetString(s)
	}
	return nil
}
