package cloud

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func vpcResource(id string) *Resource {
	return &Resource{
		Type: "aws:ec2/vpc:Vpc", ID: id, Region: testRegion, Inputs: map[string]any{"a": "b"}, Outputs: map[string]any{"c": "one"},
	}
}

func TestStoreSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := OpenStore(dir)
	require.NoError(t, err)
	require.NoError(t, store.Put(vpcResource("vpc-1")))
	require.NoError(t, store.Put(vpcResource("vpc-2")))
	require.NoError(t, store.Delete("aws:ec2/vpc:Vpc", testRegion, "vpc-2"))
	require.NoError(t, store.Delete("aws:ec2/vpc:Vpc", testRegion, "vpc-2"))
	require.FileExists(t, filepath.Join(dir, testRegion, "ec2%2fvpc", "vpc-1.json"))

	// What a killed write leaves behind is cleared away.
	cut := filepath.Join(dir, testRegion, "ec2%2fvpc", "12345.tmp")
	require.NoError(t, os.WriteFile(cut, []byte(`{"type": "aws:ec`), 0o600))
	again, err := OpenStore(dir)
	require.NoError(t, err)
	require.NoFileExists(t, cut)
	all := again.List(func(*Resource) bool { return true })
	require.Len(t, all, 1)
	require.Equal(t, "vpc-1", all[0].ID)
	require.Equal(t, map[string]any{"c": "one"}, all[0].Outputs)
}

func TestStoreSaysWhichFileIsBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.json"), []byte("{"), 0o600))
	_, err := OpenStore(dir)
	require.ErrorContains(t, err, "x.json")
}

func TestStoreCopies(t *testing.T) {
	t.Parallel()
	store, err := OpenStore(t.TempDir())
	require.NoError(t, err)
	r := vpcResource("vpc-1")
	require.NoError(t, store.Put(r))
	r.Outputs["c"] = "two"
	got, found := store.Get(r.Type, r.Region, r.Key)
	require.True(t, found)
	require.Equal(t, "one", got.Outputs["c"])
	got.Outputs["c"] = "three"
	again, _ := store.Get(r.Type, r.Region, r.Key)
	require.Equal(t, "one", again.Outputs["c"])
}

func TestStoreIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	store, err := OpenStore(t.TempDir())
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			id := fmt.Sprintf("vpc-%d", i)
			if err := store.Put(vpcResource(id)); err != nil {
				t.Error(err)
			}
			store.Find(func(r *Resource) bool { return r.ID == id })
		})
	}
	group.Wait()
	require.Len(t, store.List(func(*Resource) bool { return true }), 20)
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a/", 300)
	require.Equal(t, "a%2fb%3ac", escape("a/b:c"))
	require.LessOrEqual(t, len(escape(long)), maxName)
	require.NotEqual(t, escape(long+"x"), escape(long+"y"))
	require.NotEqual(t, escape("A%2f"), escape("A/"))
}
