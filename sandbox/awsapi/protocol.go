package awsapi

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// protocol reads requests and writes answers.
type protocol interface {
	// read returns the name of the operation, and its input as a document.
	read(r *http.Request, body []byte) (operation string, input map[string]any, err error)
	// name of a member, by the SDK's.
	name(field string) string
	write(w http.ResponseWriter, operation string, output any)
	// fail writes an error with AWS's code. Some protocols have other codes for some.
	fail(w http.ResponseWriter, status int, code, message string)
}

// protocolOf is the protocol that a request is written in.
func protocolOf(r *http.Request, service *Service) protocol {
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return cborProtocol{}
	case r.Header.Get("X-Amz-Target") != "":
		return jsonProtocol{service, r.Header.Get("Content-Type")}
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return queryProtocol{service}
	}
	return restProtocol{service}
}

// jsonProtocol is AWS JSON 1.0 and 1.1.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
type jsonProtocol struct {
	service     *Service
	contentType string
}

func (p jsonProtocol) read(r *http.Request, body []byte) (operation string, input map[string]any, err error) {
	target := r.Header.Get("X-Amz-Target")
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	err = decoder.Decode(&input)
	return target[strings.LastIndex(target, ".")+1:], input, err
}

func (p jsonProtocol) name(field string) string {
	if p.service.LowerCase {
		return lowerFirst(field)
	}
	return field
}

func (p jsonProtocol) write(w http.ResponseWriter, _ string, output any) {
	w.Header().Set("Content-Type", p.contentType)
	_ = json.NewEncoder(w).Encode(output) // to a client that may be gone.
}

func (p jsonProtocol) fail(w http.ResponseWriter, status int, code, message string) {
	if status == http.StatusForbidden || status == http.StatusNotFound {
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", p.contentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

// cborProtocol is Smithy RPC v2 CBOR.
// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
type cborProtocol struct{}

const cborType = "application/cbor"

func (cborProtocol) read(r *http.Request, body []byte) (operation string, input map[string]any, err error) {
	operation = r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if len(body) == 0 {
		return operation, nil, nil
	}
	value, err := cbor.Decode(body)
	if err == nil {
		input, _ = fromCBOR(value).(map[string]any)
	}
	return operation, input, err
}

func (cborProtocol) name(field string) string { return field }

func (cborProtocol) write(w http.ResponseWriter, _ string, output any) {
	w.Header().Set("Content-Type", cborType)
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	_, _ = w.Write(cbor.Encode(toCBOR(output))) // to a client that may be gone.
}

func (cborProtocol) fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", cborType)
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.WriteHeader(status)
	_, _ = w.Write(cbor.Encode(cbor.Map{"__type": cbor.String(code), "message": cbor.String(message)}))
}

func fromCBOR(v cbor.Value) any {
	switch v := v.(type) {
	case cbor.Map:
		members := map[string]any{}
		for name, member := range v {
			members[name] = fromCBOR(member)
		}
		return members
	case cbor.List:
		values := make([]any, len(v))
		for i, value := range v {
			values[i] = fromCBOR(value)
		}
		return values
	case *cbor.Tag: // 1 is a time.
		return fromCBOR(v.Value)
	case cbor.NegInt:
		return -int64(v)
	case cbor.Slice:
		return []byte(v)
	case *cbor.Nil, *cbor.Undefined:
		return nil
	}
	return v // prints as the number, text or truth that it is.
}

func toCBOR(output any) cbor.Value {
	switch v := output.(type) {
	case map[string]any:
		members := cbor.Map{}
		for name, member := range v {
			members[name] = toCBOR(member)
		}
		return members
	case list:
		values := make(cbor.List, len(v.values))
		for i, value := range v.values {
			values[i] = toCBOR(value)
		}
		return values
	case moment:
		return &cbor.Tag{ID: 1, Value: cbor.Float64(v.seconds())}
	case []byte:
		return cbor.Slice(v)
	case string:
		return cbor.String(v)
	case bool:
		return cbor.Bool(v)
	case float64:
		return cbor.Float64(v)
	case int32:
		return integer(int64(v))
	case int64:
		return integer(v)
	}
	return &cbor.Nil{}
}

func integer(n int64) cbor.Value {
	if n < 0 {
		return cbor.NegInt(-n)
	}
	return cbor.Uint(n)
}

// queryProtocol is AWS Query.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
type queryProtocol struct{ service *Service }

func (p queryProtocol) read(_ *http.Request, body []byte) (operation string, input map[string]any, err error) {
	form, err := url.ParseQuery(string(body))
	input = map[string]any{}
	for path, values := range form {
		at, names := input, strings.Split(path, ".")
		for _, name := range names[:len(names)-1] {
			inner, ok := at[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[name] = inner
			}
			at = inner
		}
		at[names[len(names)-1]] = values[0]
	}
	return form.Get("Action"), input, err
}

func (queryProtocol) name(field string) string { return field }

func (p queryProtocol) write(w http.ResponseWriter, operation string, output any) {
	writeXML(w, operation+"Response", p.service.Namespace, map[string]any{operation + "Result": output}, func(string) string { return "member" })
}

// queryCodes are the codes that Query and REST-XML have for JSON's.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var queryCodes = map[string]string{
	accessDenied: "AccessDenied", throttled: "Throttling", unknownOperation: "InvalidAction",
	unknownKey: "InvalidClientTokenId", badSignature: "SignatureDoesNotMatch",
}

func (p queryProtocol) fail(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	writeXML(w, "ErrorResponse", p.service.Namespace, map[string]any{
		"Error": map[string]any{"Type": "Sender", "Code": cmp.Or(queryCodes[code], code), "Message": message}, "RequestId": "sandbox",
	}, sameName)
}

// restProtocol is REST-XML: the operation is told by the method and the path.
// https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
type restProtocol struct{ service *Service }

func (p restProtocol) read(r *http.Request, body []byte) (operation string, input map[string]any, err error) {
	for route, name := range p.service.Routes {
		method, path, _ := strings.Cut(route, " ")
		if labels, ok := match(path, r.URL.Path); ok && method == r.Method {
			for parameter, member := range p.service.Parameters[name] {
				if value := cmp.Or(r.URL.Query().Get(parameter), r.Header.Get(parameter)); value != "" {
					labels[member] = value
				}
			}
			if p.service.Payload != "" {
				labels[p.service.Payload] = body
			} else if len(body) > 0 {
				var members any
				members, err = readXML(xml.NewDecoder(bytes.NewReader(body)))
				root, _ := members.(map[string]any)
				for _, document := range root {
					fields, _ := document.(map[string]any)
					maps.Copy(labels, fields)
				}
			}
			return name, labels, err
		}
	}
	return r.Method + " " + r.URL.Path, nil, nil
}

// readXML reads to the end of an element: a text, or children, of which there may be
// several of a name.
func readXML(d *xml.Decoder) (any, error) {
	var text strings.Builder
	children := map[string]any{}
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			child, err := readXML(d)
			if err != nil {
				return nil, err
			}
			name := token.Name.Local
			switch before := children[name].(type) {
			case nil:
				children[name] = child
			case []any:
				children[name] = append(before, child)
			default:
				children[name] = []any{before, child}
			}
		}
		_, ended := token.(xml.EndElement)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case (ended || err != nil) && len(children) > 0:
			return children, nil
		case ended || err != nil:
			return text.String(), nil
		}
	}
}

// match returns the labels of a path like /2013-04-01/hostedzone/{Id}.
func match(pattern, path string) (labels map[string]any, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(strings.TrimSuffix(path, "/"), "/")
	labels = map[string]any{}
	if rest := len(want) - 1; strings.HasSuffix(want[rest], "+}") && len(got) > len(want) {
		got = append(got[:rest:rest], strings.Join(got[rest:], "/"))
	}
	if len(want) != len(got) {
		return nil, false
	}
	for i, part := range want {
		if label, isLabel := strings.CutPrefix(part, "{"); isLabel {
			labels[strings.TrimRight(label, "+}")] = got[i]
		} else if part != got[i] {
			return nil, false
		}
	}
	return labels, true
}

func (restProtocol) name(field string) string { return field }

func (p restProtocol) write(w http.ResponseWriter, operation string, output any) {
	writeXML(w, operation+"Response", p.service.Namespace, output, sameName)
}

func (p restProtocol) fail(w http.ResponseWriter, status int, code, message string) {
	if p.service.Payload == "" {
		queryProtocol(p).fail(w, status, code, message)
		return
	}
	w.WriteHeader(status) // S3 has errors without an envelope.
	writeXML(w, "Error", p.service.Namespace, map[string]any{"Code": cmp.Or(queryCodes[code], code), "Message": message}, sameName)
}

// writeXML writes a document. Elements of lists have the name that element makes of
// their type's.
func writeXML(w http.ResponseWriter, root, namespace string, document any, element func(string) string) {
	w.Header().Set("Content-Type", "text/xml")
	var b bytes.Buffer
	fmt.Fprintf(&b, "<%s xmlns=%q>", root, namespace)
	writeNode(&b, document, element)
	fmt.Fprintf(&b, "</%s>", root)
	_, _ = w.Write(b.Bytes()) // to a client that may be gone.
}

func writeNode(b *bytes.Buffer, node any, element func(string) string) {
	child := func(name string, node any) {
		fmt.Fprintf(b, "<%s>", name)
		writeNode(b, node, element)
		fmt.Fprintf(b, "</%s>", name)
	}
	switch node := node.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			child(name, node[name])
		}
	case list:
		for _, value := range node.values {
			child(element(node.element), value)
		}
	case moment:
		b.WriteString(node.UTC().Format(time.RFC3339Nano))
	case []byte:
		b.WriteString(base64.StdEncoding.EncodeToString(node))
	default:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(node))) // a buffer takes all.
	}
}
