package cloud

// The tests of this package speak the engine's protocol to a served cloud. They
// do not prove that the engine itself gets along with it, nor that AWS would
// answer the same; the messages were taken from AWS's documentation and from
// the real provider's reports; where those have a refusal without its words,
// the words are ours.

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud/schema"
)

const testRegion = "eu-west-1"

// fakeImages is a registry that has the listed repository@digest names.
type fakeImages map[string]bool

func (f fakeImages) Has(repository, digest string) bool { return f[repository+"@"+digest] }
func (f fakeImages) Endpoint() string                   { return "http://127.0.0.1:5000" }
func (fakeImages) Password() string                     { return "sandbox" }

func (f fakeImages) Empty(repository string) bool {
	return !slices.ContainsFunc(slices.Collect(maps.Keys(f)), func(name string) bool {
		return strings.HasPrefix(name, repository+"@")
	})
}

func (f fakeImages) Remove(repository string) error {
	maps.DeleteFunc(f, func(name string, _ bool) bool { return strings.HasPrefix(name, repository+"@") })
	return nil
}

// world is a cloud with one provider instance.
type world struct {
	*testing.T
	cloud  *Cloud
	port   int
	client pulumirpc.ResourceProviderClient
}

// open serves a new cloud and connects to it in the test region.
func open(t *testing.T, opts Options) *world {
	t.Helper()
	c, err := Open(t.TempDir(), opts)
	require.NoError(t, err)
	port, err := c.Serve(t.Context())
	require.NoError(t, err)
	return (&world{T: t, cloud: c, port: port}).in(testRegion, nil)
}

// in connects another provider instance to the same cloud.
func (w *world) in(region string, config map[string]any) *world {
	w.Helper()
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", w.port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(w, err)
	w.Cleanup(func() { _ = conn.Close() })
	client := pulumirpc.NewResourceProviderClient(conn)
	_, err = client.Configure(w.Context(), &pulumirpc.ConfigureRequest{
		Args: wire(w, merge(map[string]any{"region": region}, config)),
	})
	require.NoError(w, err)
	return &world{T: w.T, cloud: w.cloud, port: w.port, client: client}
}

func wire(t testing.TB, values map[string]any) *structpb.Struct {
	s, err := encode(plainLists(values).(map[string]any), nil)
	require.NoError(t, err)
	return s
}

// plainLists lets tests write []string and ints.
func plainLists(value any) any {
	switch value := value.(type) {
	case int:
		return float64(value)
	case []string:
		list := make([]any, len(value))
		for i := range value {
			list[i] = value[i]
		}
		return list
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = plainLists(value[i])
		}
		return list
	case in:
		return plainLists(map[string]any(value))
	case map[string]any:
		object := map[string]any{}
		for k, v := range value {
			object[k] = plainLists(v)
		}
		return object
	}
	return value
}

// in are the inputs of a resource.
type in map[string]any

// with returns the inputs with some others; nil removes one.
func (i in) with(other in) in {
	all := in(merge(i, other))
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

func tokenOf(short string) string {
	module, name, _ := strings.Cut(short, "/")
	return fmt.Sprintf("aws:%s/%s:%s%s", module, name, strings.ToUpper(name[:1]), name[1:])
}

func urnOf(short, name string) string {
	return "urn:pulumi:test::project::" + tokenOf(short) + "::" + name
}

// made is a created resource.
type made struct {
	short, name, id string
	in              map[string]any
	out             props
}

// try checks and creates a resource, as the engine does in an update.
func (w *world) try(short, name string, inputs in) (made, error) {
	w.Helper()
	checked, err := w.client.Check(w.Context(), &pulumirpc.CheckRequest{
		Urn: urnOf(short, name), News: wire(w, inputs), RandomSeed: []byte("0123456789abcdef0123456789abcdef"),
	})
	if err != nil {
		return made{}, err
	}
	if failures := checked.GetFailures(); len(failures) > 0 {
		return made{}, fmt.Errorf("%s", failures[0].GetReason())
	}
	created, err := w.client.Create(w.Context(), &pulumirpc.CreateRequest{
		Urn: urnOf(short, name), Properties: checked.GetInputs(),
	})
	if err != nil {
		return made{}, err
	}
	return made{
		short: short, name: name, id: created.GetId(), in: decode(checked.GetInputs()), out: decode(created.GetProperties()),
	}, nil
}

// create is try where nothing may be refused.
func (w *world) create(short, name string, inputs in) made {
	w.Helper()
	m, err := w.try(short, name, inputs)
	require.NoError(w, err, "%s %s", short, name)
	return m
}

func (w *world) tryUpdate(m made, inputs in) (made, error) {
	w.Helper()
	updated, err := w.client.Update(w.Context(), &pulumirpc.UpdateRequest{
		Id: m.id, Urn: urnOf(m.short, m.name), Olds: wire(w, m.out), OldInputs: wire(w, m.in), News: wire(w, inputs),
	})
	if err != nil {
		return m, err
	}
	m.in, m.out = plainLists(inputs).(map[string]any), decode(updated.GetProperties())
	return m, nil
}

func (w *world) delete(m made) error {
	w.Helper()
	_, err := w.client.Delete(w.Context(), &pulumirpc.DeleteRequest{
		Id: m.id, Urn: urnOf(m.short, m.name), Properties: wire(w, m.out),
	})
	return err
}

func (w *world) read(m made) (made, bool) {
	w.Helper()
	read, err := w.client.Read(w.Context(), &pulumirpc.ReadRequest{
		Id: m.id, Urn: urnOf(m.short, m.name), Properties: wire(w, m.out), Inputs: wire(w, m.in),
	})
	require.NoError(w, err)
	m.in, m.out = decode(read.GetInputs()), decode(read.GetProperties())
	return m, read.GetId() != ""
}

func (w *world) diff(m made, inputs in) *pulumirpc.DiffResponse {
	w.Helper()
	response, err := w.client.Diff(w.Context(), &pulumirpc.DiffRequest{
		Id: m.id, Urn: urnOf(m.short, m.name), Olds: wire(w, m.out), OldInputs: wire(w, m.in), News: wire(w, inputs),
	})
	require.NoError(w, err)
	return response
}

func (w *world) invoke(short string, args in) (props, error) {
	w.Helper()
	module, name, _ := strings.Cut(short, "/")
	response, err := w.client.Invoke(w.Context(), &pulumirpc.InvokeRequest{
		Tok: fmt.Sprintf("aws:%s/%s:%s", module, name, name), Args: wire(w, args),
	})
	if err != nil {
		return nil, err
	}
	return decode(response.GetReturn()), nil
}

// unknown is a value that a preview does not know.
var unknown = schema.Unknown{}
