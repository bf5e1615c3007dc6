// These tests do not prove that AWS has no further rules for the arguments.

package cdn_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/cdn"
)

func TestBadArgs(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*cdn.Args){
		"WebACLARN is required":        func(a *cdn.Args) { a.WebACLARN = nil },
		"LogBucketName is required":    func(a *cdn.Args) { a.LogBucketName = nil },
		"LogBucketDomain is required":  func(a *cdn.Args) { a.LogBucketDomain = nil },
		"APIOrigin.Domain is required": func(a *cdn.Args) { a.APIOrigin = &cdn.APIOrigin{} },
		`CertificateARN is required: give a certificate for "cdn.example.com" in us-east-1` + "\n" +
			`ZoneID is required: give the hosted zone of "cdn.example.com"`: func(a *cdn.Args) { a.CertificateARN, a.ZoneID = nil, nil },
		"Domain is required with CertificateARN or ZoneID":                                               func(a *cdn.Args) { a.Domain = "" },
		`PriceClass must be one of [PriceClass_100 PriceClass_200 PriceClass_All], got "PriceClass_300"`: func(a *cdn.Args) { a.PriceClass = "PriceClass_300" },
		`registering codeflow:cdn:CDN "": `:                                                              nil, // no name
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			name, args := "", full()
			if change != nil {
				name = "web"
				change(args)
			}
			r := newRecorder()
			assert.ErrorContains(t, r.Run(true, func(ctx *pulumi.Context) error {
				_, err := cdn.New(ctx, name, args)
				return err
			}), want)
			assert.Empty(t, r.Children())
		})
	}
}

func TestRefusedChildren(t *testing.T) {
	t.Parallel()
	newRecorder().RefuseEach(t, func(opts ...pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := cdn.New(ctx, "web", full(), opts...)
			return err
		}
	})
}
