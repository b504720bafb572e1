// Renders the chart without helm, which no package of Debian brings: an approximation.
//
// The same as helm: Go's text/template with sprig's functions (without env, expandenv and getHostByName), values through sigs.k8s.io/yaml, values.schema.json by the
// library that helm checked it with for years, partials in files that begin with "_".
//
// Different from helm:
//
//   - none of helm's own functions (include, tpl, toYaml, required, lookup, .Files): a template that uses one does not parse here, so that the chart stays without them;
//
//   - a value that is not there is an error, as with "helm lint --strict"; helm writes nothing;
//
//   - values are merged as maps; a null deletes nothing, and there are no subcharts;
//
//   - manifests stay in the order of their files; helm sorts them by kind, and takes hooks apart.
//
//     main CHART CASES OUT
//
// CASES has values of everything that is no switch, and values that the schema must refuse. Writes OUT/CASE.yaml and OUT/CASE.txt (the notes) for the chart as it is, for
// each switch alone the other way round, for all on, all off, and all on with the values of CASES. Findings go to stdout, one on a line; the exit code is 2 if it could not work at all.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

// What CASES holds.
type cases struct {
	Filled object  `json:"filled"`
	Wrong  []wrong `json:"wrong"`
}

type wrong struct {
	Values object `json:"values"`
	Says   string `json:"says"`
}

type chart struct {
	metadata  object
	values    object
	schema    *gojsonschema.Schema
	templates *template.Template
	names     []string
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: main CHART CASES OUT")
	}
	loaded := load(os.Args[1])
	var given cases
	read(os.Args[2], &given)

	for name, values := range variants(loaded.values, given.Filled) {
		for _, finding := range refusals(loaded.schema, values) {
			report("values of %s: values.schema.json refuses them: %s", name, finding)
		}
		render(loaded, values, filepath.Join(os.Args[3], name))
	}
	for _, w := range given.Wrong {
		said := strings.Join(refusals(loaded.schema, merged(loaded.values, w.Values)), "; ")
		if said == "" {
			report("values.schema.json takes wrong values: %v", w.Values)
		} else if !strings.Contains(said, w.Says) {
			report("values.schema.json refuses %v, but not with %q: %s", w.Values, w.Says, said)
		}
	}
}

func load(directory string) chart {
	loaded := chart{templates: template.New("chart").Option("missingkey=error").Funcs(functions())}
	read(filepath.Join(directory, "Chart.yaml"), &loaded.metadata)
	read(filepath.Join(directory, "values.yaml"), &loaded.values)
	text, err := os.ReadFile(filepath.Join(directory, "values.schema.json"))
	check(err)
	loaded.schema, err = gojsonschema.NewSchema(gojsonschema.NewBytesLoader(text))
	check(err)
	files, err := filepath.Glob(filepath.Join(directory, "templates", "*"))
	check(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err)
		name := filepath.Base(file)
		_, err = loaded.templates.New(name).Parse(string(text))
		check(err)
		if !strings.HasPrefix(name, "_") {
			loaded.names = append(loaded.names, name)
		}
	}
	return loaded
}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(all, name)
	}
	return all
}

// Everything that is rendered, by name.
func variants(values, filled object) map[string]object {
	all := map[string]object{"default": values}
	on, off := values, values
	for path, value := range switches("", values) {
		if value {
			all["without-"+path] = merged(values, nested(path, false))
		} else {
			all["with-"+path] = merged(values, nested(path, true))
		}
		on, off = merged(on, nested(path, true)), merged(off, nested(path, false))
	}
	all["all-on"], all["all-off"], all["filled"] = on, off, merged(on, filled)
	return all
}

func switches(at string, values object) map[string]bool {
	found := map[string]bool{}
	for name, value := range values {
		switch v := value.(type) {
		case bool:
			found[at+name] = v
		case object:
			for path, inner := range switches(at+name+".", v) {
				found[path] = inner
			}
		}
	}
	return found
}

func nested(path string, value bool) object {
	parts := strings.Split(path, ".")
	var result interface{} = value
	for i := len(parts) - 1; i >= 0; i-- {
		result = object{parts[i]: result}
	}
	return result.(object)
}

func merged(values, over object) object {
	result := object{}
	for name, value := range values {
		result[name] = value
	}
	for name, value := range over {
		below, isMap := value.(object)
		if was, wasMap := result[name].(object); isMap && wasMap {
			result[name] = merged(was, below)
		} else {
			result[name] = value
		}
	}
	return result
}

func refusals(schema *gojsonschema.Schema, values object) []string {
	result, err := schema.Validate(gojsonschema.NewGoLoader(values))
	check(err)
	var all []string
	for _, e := range result.Errors() {
		all = append(all, e.String())
	}
	sort.Strings(all)
	return all
}

func render(loaded chart, values object, out string) {
	metadata := object{}
	for name, value := range loaded.metadata { // helm names the fields of its Go type
		metadata[strings.ToUpper(name[:1])+name[1:]] = value
	}
	root := object{
		"Values":  values,
		"Chart":   metadata,
		"Release": object{"Name": "hostdev", "Namespace": "hostdev-system", "Service": "Helm", "Revision": 1, "IsInstall": true, "IsUpgrade": false},
	}
	var manifests bytes.Buffer
	for _, name := range loaded.names {
		var text bytes.Buffer
		if err := loaded.templates.ExecuteTemplate(&text, name, root); err != nil {
			report("%s: %v", filepath.Base(out), err)
			continue
		}
		if name == "NOTES.txt" {
			check(os.WriteFile(out+".txt", text.Bytes(), 0o644))
		} else if strings.TrimSpace(text.String()) != "" {
			fmt.Fprintf(&manifests, "---\n# Source: %s\n%s\n", name, strings.TrimSpace(text.String()))
		}
	}
	check(os.WriteFile(out+".yaml", manifests.Bytes(), 0o644))
}

func read(file string, into interface{}) {
	text, err := os.ReadFile(file)
	check(err)
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		fail(file + ": " + err.Error())
	}
}

func report(format string, arguments ...interface{}) {
	fmt.Println(strings.ReplaceAll(fmt.Sprintf(format, arguments...), "\n", " "))
}

func check(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
