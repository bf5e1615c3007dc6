package registry_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/registry"
	"github.com/ferg-cod3s/codeflow-infrastructure/internal/recorder"
)

func TestRegistry(t *testing.T) {
	t.Parallel()
	r := &recorder.Recorder{}
	r.Both(t, func(ctx *pulumi.Context) error {
		_, err := registry.New(ctx, "images", &registry.Args{Name: "codeflow/codeflow-server", Prefixes: []string{"blue-", "green-"}})
		return err
	})

	assert.Equal(t, []string{
		"/codeflow:registry:Registry images",
		"images/aws:ecr/lifecyclePolicy:LifecyclePolicy images-lifecycle",
		"images/aws:ecr/repository:Repository images",
		"images/aws:kms/key:Key images-key",
	}, r.Children())
	repository := r.Get(t, "aws:ecr/repository:Repository", "images")
	assert.Equal(t, "IMMUTABLE", repository.In("imageTagMutability"))
	assert.Equal(t, true, repository.In("imageScanningConfiguration.scanOnPush"))
	assert.Equal(t, "KMS", repository.In("encryptionConfigurations[0].encryptionType"))
	assert.Equal(t, false, repository.In("forceDelete"))
	assert.Equal(t, true, r.Get(t, "aws:kms/key:Key", "images-key").In("enableKeyRotation"))
	assert.JSONEq(t, `{"rules":[
		{"rulePriority":1,"description":"keep the last of blue-","action":{"type":"expire"},
		 "selection":{"tagStatus":"tagged","tagPrefixList":["blue-"],"countType":"imageCountMoreThan","countNumber":10}},
		{"rulePriority":2,"description":"keep the last of green-","action":{"type":"expire"},
		 "selection":{"tagStatus":"tagged","tagPrefixList":["green-"],"countType":"imageCountMoreThan","countNumber":10}},
		{"rulePriority":3,"description":"drop what lost its tag","action":{"type":"expire"},
		 "selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14}}]}`,
		r.Get(t, "aws:ecr/lifecyclePolicy:LifecyclePolicy", "images-lifecycle").In("policy").(string))
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	(&recorder.Recorder{}).RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := registry.New(ctx, "images", &registry.Args{Name: "codeflow", Prefixes: []string{"blue-"}}, opts...)
			return err
		}
	})
}

func TestBadArgs(t *testing.T) {
	t.Parallel()
	for want, args := range map[string]*registry.Args{
		"Name is required":        {},
		"Prefixes is required":    {Name: "codeflow"},
		"Keep must be at least 2": {Name: "codeflow", Prefixes: []string{"blue-"}, Keep: 1},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := &recorder.Recorder{}
			assert.ErrorContains(t, r.Run(true, func(ctx *pulumi.Context) error {
				_, err := registry.New(ctx, "images", args)
				return err
			}), want)
			assert.Empty(t, r.Children())
		})
	}
}
