package awsapi

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A document is what a protocol reads and writes: nil, texts, numbers, truths, []byte,
// [moment], [list], and map[string]any by member name.

// moment is a time. JSON has it in seconds since 1970.
type moment struct{ time.Time }

// seconds since 1970, to a millisecond.
func (m moment) seconds() float64 { return float64(m.UnixMilli()) / 1000 }

// MarshalJSON implements [json.Marshaler].
func (m moment) MarshalJSON() ([]byte, error) { return json.Marshal(m.seconds()) }

// list is a list with the name that XML has for its elements.
type list struct {
	element string
	values  []any
}

// MarshalJSON implements [json.Marshaler].
func (l list) MarshalJSON() ([]byte, error) { return json.Marshal(l.values) }

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

func upperFirst(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

func sameName(name string) string { return name }

// document is an output of the SDK. Members without a value are left out. The SDK's
// field is the member's name with an upper case letter.
func document(v reflect.Value, name func(string) string) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return document(v.Elem(), name)
	case reflect.Struct:
		if at, ok := v.Interface().(time.Time); ok {
			return moment{at}
		}
		members := map[string]any{}
		for field, value := range v.Fields() {
			// An enum without a value is "".
			if !field.IsExported() || field.Name == "ResultMetadata" || value.Kind() == reflect.String && value.Len() == 0 {
				continue
			}
			if member := document(value, name); member != nil {
				members[name(field.Name)] = member
			}
		}
		return members
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		if blob, ok := v.Interface().([]byte); ok {
			return blob
		}
		l := list{element: v.Type().Elem().Name(), values: []any{}}
		for _, value := range v.Seq2() {
			l.values = append(l.values, document(value, name))
		}
		return l
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		entries := map[string]any{}
		for key, value := range v.Seq2() {
			entries[key.String()] = document(value, name)
		}
		return entries
	case reflect.String:
		return v.String()
	default:
		return v.Interface()
	}
}

// fill sets an input of the SDK to a document. Members that the SDK does not know are
// left out, as AWS does.
func fill(v reflect.Value, from any) error {
	if from == nil {
		return nil
	}
	var err error
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), from)
	case reflect.Struct:
		return fillStruct(v, from)
	case reflect.Slice:
		return fillSlice(v, from)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		entries, _ := from.(map[string]any)
		for key, entry := range entries {
			value := reflect.New(v.Type().Elem()).Elem()
			if err := fill(value, entry); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
		}
	case reflect.String:
		v.SetString(fmt.Sprint(from))
	case reflect.Bool:
		var holds bool
		holds, err = strconv.ParseBool(fmt.Sprint(from))
		v.SetBool(holds)
	case reflect.Int32, reflect.Int64:
		var number int64
		number, err = strconv.ParseInt(fmt.Sprint(from), 10, 64)
		v.SetInt(number)
	case reflect.Float64:
		var number float64
		number, err = strconv.ParseFloat(fmt.Sprint(from), 64)
		v.SetFloat(number)
	default:
		err = fmt.Errorf("%s is not read here", v.Type())
	}
	return err
}

func fillStruct(v reflect.Value, from any) error {
	if v.Type() == reflect.TypeFor[time.Time]() {
		at, err := timeOf(from)
		v.Set(reflect.ValueOf(at))
		return err
	}
	members, ok := from.(map[string]any)
	if !ok {
		return fmt.Errorf("must have members, got %v", from)
	}
	for name, member := range members {
		if field := v.FieldByName(upperFirst(name)); field.IsValid() && field.CanSet() {
			if err := fill(field, member); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func fillSlice(v reflect.Value, from any) error {
	if v.Type() == reflect.TypeFor[[]byte]() {
		blob, ok := from.([]byte)
		var err error
		if !ok {
			blob, err = base64.StdEncoding.DecodeString(fmt.Sprint(from))
		}
		v.SetBytes(blob)
		return err
	}
	values := elements(from)
	v.Set(reflect.MakeSlice(v.Type(), len(values), len(values)))
	for i, value := range values {
		if err := fill(v.Index(i), value); err != nil {
			return fmt.Errorf("%d: %w", i+1, err)
		}
	}
	return nil
}

// elements of a list: JSON's array, Query's member.1 and member.2, and the children of
// one name in XML.
func elements(from any) []any {
	switch from := from.(type) {
	case []any:
		return from
	case map[string]any:
		if numbered := byNumber(from); numbered != nil {
			return numbered
		}
		if names := slices.Collect(maps.Keys(from)); len(names) == 1 {
			if inner, ok := from[names[0]].(map[string]any); !ok || byNumber(inner) != nil {
				return elements(from[names[0]])
			}
			return []any{from[names[0]]}
		}
	case string:
		if from == "" {
			return nil
		}
	}
	return []any{from}
}

// byNumber are the values in the order of their names, nil when those are no numbers.
func byNumber(members map[string]any) (values []any) {
	numbers := slices.SortedFunc(maps.Keys(members), func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	for _, number := range numbers {
		if _, err := strconv.Atoi(number); err != nil {
			return nil
		}
		values = append(values, members[number])
	}
	return values
}

// timeOf reads seconds since 1970 or RFC 3339.
func timeOf(from any) (time.Time, error) {
	if at, ok := from.(moment); ok {
		return at.Time, nil
	}
	text := fmt.Sprint(from)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	return time.Parse(time.RFC3339, text)
}
