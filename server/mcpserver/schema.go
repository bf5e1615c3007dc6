package mcpserver

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// aliases are names under which tools can be called and are not listed: some
// clients drop every tool of a server when one has a dot in its name.
var aliases = map[string]string{"codeflow.registry.qa": qaName}

// tools adds tools to a server and keeps the schemas of their arguments.
type tools struct {
	*mcp.Server
	schemas map[string]map[string]any
}

// addTool adds a tool. Its schemas are those of its types, or the one for the
// arguments that it has, in the words that every client knows.
func addTool[In, Out any](t *tools, tool *mcp.Tool, handler mcp.ToolHandlerFor[In, Out]) {
	if tool.InputSchema == nil {
		tool.InputSchema = schemaOf[In](nil)
	}
	t.schemas[tool.Name] = simple(tool.InputSchema)
	tool.InputSchema = t.schemas[tool.Name]
	if reflect.TypeFor[Out]() != reflect.TypeFor[any]() {
		tool.OutputSchema = simple(schemaOf[Out](nil))
	}
	mcp.AddTool(t.Server, tool, handler)
}

// schemaOf is the schema of a struct, its properties refined.
func schemaOf[T any](refine func(properties map[string]*jsonschema.Schema)) *jsonschema.Schema {
	schema, err := jsonschema.For[T](nil)
	if err != nil {
		panic(err) // the types of this package have schemas
	}
	if refine != nil {
		refine(schema.Properties)
	}
	return schema
}

// simple is a schema as the strictest clients take it: testdata/subset.json
// describes that.
func simple(schema any) map[string]any {
	data, _ := json.Marshal(schema)
	var simpler map[string]any
	_ = json.Unmarshal(data, &simpler)
	simplify(simpler)
	return simpler
}

func simplify(schema map[string]any) {
	delete(schema, "additionalProperties")
	if several, ok := schema["type"].([]any); ok { // a list in Go may be null, those here are not
		schema["type"] = several[slices.IndexFunc(several, func(t any) bool { return t != "null" })]
	}
	properties, _ := schema["properties"].(map[string]any)
	if schema["type"] == "object" && properties == nil {
		schema["properties"] = map[string]any{}
	}
	for _, property := range properties {
		simplify(property.(map[string]any))
	}
	if items, ok := schema["items"].(map[string]any); ok {
		simplify(items)
	}
}

// asMeant gives tools the arguments that [lenient] makes of what was sent.
func (t *tools) asMeant(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		if params, ok := req.GetParams().(*mcp.CallToolParamsRaw); ok && params != nil {
			if name, ok := aliases[params.Name]; ok {
				params.Name = name
			}
			if schema, ok := t.schemas[params.Name]; ok {
				params.Arguments = lenient(params.Arguments, schema)
			}
		}
		return next(ctx, method, req)
	}
}

// lenient returns arguments as a model meant them: null for what may be left out
// is left out, so is what the schema does not have, and a number or a boolean may
// be in quotes. What is wrong in another way stays, for the SDK to say so.
func lenient(arguments json.RawMessage, schema map[string]any) json.RawMessage {
	var given map[string]json.RawMessage
	if json.Unmarshal(arguments, &given) != nil {
		return arguments
	}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for name, value := range given {
		property, known := properties[name].(map[string]any)
		var text string
		switch {
		case !known, string(value) == "null" && !slices.Contains(required, any(name)):
			delete(given, name)
		case json.Unmarshal(value, &text) == nil && is(property["type"], text):
			given[name] = json.RawMessage(text)
		}
	}
	if given == nil {
		return nil
	}
	data, _ := json.Marshal(given) // it came from JSON
	return data
}

// is reports whether a text is exactly one value of a type of JSON Schema.
func is(kind any, text string) bool {
	switch kind {
	case "boolean":
		return text == "true" || text == "false"
	case "integer", "number":
		if !json.Valid([]byte(text)) || text[len(text)-1] < '0' || text[len(text)-1] > '9' {
			return false
		}
		value, err := strconv.ParseFloat(text, 64)
		return err == nil && (kind == "number" || value == math.Trunc(value))
	}
	return false
}
