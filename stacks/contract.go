package stacks

import (
	"fmt"
	"reflect"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// PlatformOutputs is what a platform stack tells its colours.
type PlatformOutputs struct {
	Region           pulumi.StringOutput      `output:"region"`
	Domain           pulumi.StringOutput      `output:"domain"` // "" without a domain
	VpcID            pulumi.StringOutput      `output:"vpcId"`
	PublicSubnetIDs  pulumi.StringArrayOutput `output:"publicSubnetIds"`
	PrivateSubnetIDs pulumi.StringArrayOutput `output:"privateSubnetIds"`
	// ClientSecurityGroupID is the group that the database and the endpoints admit.
	ClientSecurityGroupID pulumi.StringOutput `output:"clientSecurityGroupId"`
	RepositoryURL         pulumi.StringOutput `output:"repositoryUrl"`
	RepositoryARN         pulumi.StringOutput `output:"repositoryArn"`
	LogBucket             pulumi.StringOutput `output:"logBucket"`
	WebACLARN             pulumi.StringOutput `output:"webAclArn"`
	ZoneID                pulumi.StringOutput `output:"zoneId"`         // "" without a domain
	CertificateARN        pulumi.StringOutput `output:"certificateArn"` // "" without a domain
	// DatabaseUserARN is whom the server logs in as; the secret is the master user's,
	// for the migrations.
	DatabaseUserARN   pulumi.StringOutput `output:"databaseUserArn"`
	DatabaseSecretARN pulumi.StringOutput `output:"databaseSecretArn"`
	DatabaseKeyARN    pulumi.StringOutput `output:"databaseKeyArn"`
	// What components/secrets has, and the key of it.
	StoreKeyARN     pulumi.StringOutput `output:"storeKeyArn"`
	SettingsARN     pulumi.StringOutput `output:"settingsArn"`
	APIKeysARN      pulumi.StringOutput `output:"apiKeysArn"`
	DatabaseURLARN  pulumi.StringOutput `output:"databaseUrlArn"`
	TokensSecretARN pulumi.StringOutput `output:"tokensSecretArn"`
	LogKeyARN       pulumi.StringOutput `output:"logKeyArn"`
	// Topics are told of alarms, one for each level of the escalation.
	Topics pulumi.StringArrayOutput `output:"topics"`
}

// ColorOutputs is what a colour stack tells its platform, for the traffic and
// for the interlock.
type ColorOutputs struct {
	LoadBalancerDNSName pulumi.StringOutput `output:"loadBalancerDnsName"`
	LoadBalancerZoneID  pulumi.StringOutput `output:"loadBalancerZoneId"`
	HealthCheckID       pulumi.StringOutput `output:"healthCheckId"` // "" without a domain
	// Digest and TaskDefinition were asked for; the settled ones are what ECS ran
	// when the last update ended.
	Digest                pulumi.StringOutput `output:"digest"`
	SettledDigest         pulumi.StringOutput `output:"settledDigest"`
	TaskDefinition        pulumi.StringOutput `output:"taskDefinition"`
	SettledTaskDefinition pulumi.StringOutput `output:"settledTaskDefinition"`
	BundleDigest          pulumi.StringOutput `output:"bundleDigest"`
}

// export makes the fields of outputs the stack's outputs.
func export(ctx *pulumi.Context, outputs any) {
	v := reflect.ValueOf(outputs)
	for i := range v.NumField() {
		ctx.Export(v.Type().Field(i).Tag.Get("output"), v.Field(i).Interface().(pulumi.Output))
	}
}

// read reads the outputs of another stack of this project into T. An output that
// is missing is unknown in a preview and an error on an update.
func read[T any](ctx *pulumi.Context, stack string) (*T, error) {
	// The reference itself fails late and does not say what to do.
	var known struct {
		Outputs map[string]any `pulumi:"outputs"`
	}
	name, err := readOutputs(ctx, stack, &known)
	if err != nil {
		return nil, fmt.Errorf("reading stack %q, bring it up with pulumi up -s %s: %w", name, stack, err)
	}
	if ctx.DryRun() && len(known.Outputs) == 0 {
		_ = ctx.Log.Warn(fmt.Sprintf("stack %q is not up: an update would fail. Bring it up first with pulumi up -s %s", stack, stack), nil)
	}
	ref, err := pulumi.NewStackReference(ctx, name, nil)
	if err != nil {
		return nil, fmt.Errorf("reading stack %q: %w", name, err)
	}
	outputs := new(T)
	v := reflect.ValueOf(outputs).Elem()
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("output")
		value := ref.GetOutput(pulumi.String(key))
		var typed pulumi.Output
		switch v.Field(i).Interface().(type) {
		case pulumi.StringArrayOutput:
			typed = value.ApplyT(func(got any) ([]string, error) { return texts(got, stack, key) })
		default:
			typed = value.ApplyT(func(got any) (string, error) { return text(got, stack, key) })
		}
		v.Field(i).Set(reflect.ValueOf(typed))
	}
	return outputs, nil
}

// readOutputs reads the outputs of a stack of this project, by its full name, as
// its last update left them.
func readOutputs(ctx *pulumi.Context, stack string, result any) (name string, err error) {
	name = fmt.Sprintf("%s/%s/%s", ctx.Organization(), ctx.Project(), stack)
	return name, ctx.Invoke("pulumi:pulumi:readStackOutputs", &struct {
		Name string `pulumi:"name"`
	}{name}, result)
}

// readNAT reads how a platform's network reaches the internet, as its last update
// left it. It decides what is registered, so it cannot be an output. It is "" of a
// platform that an older program brought up.
func readNAT(ctx *pulumi.Context, stack string) (string, error) {
	var result struct {
		Outputs struct {
			NAT string `pulumi:"nat"`
		} `pulumi:"outputs"`
	}
	if name, err := readOutputs(ctx, stack, &result); err != nil {
		return "", fmt.Errorf("reading the outputs of stack %q: %w", name, err)
	}
	return result.Outputs.NAT, nil
}

func text(got any, stack, key string) (string, error) {
	if s, ok := got.(string); ok {
		return s, nil
	}
	return "", fmt.Errorf("stack %q has no output %q: bring it up with pulumi up -s %s", stack, key, stack)
}

func texts(got any, stack, key string) ([]string, error) {
	list, ok := got.([]any)
	if !ok {
		_, err := text(nil, stack, key)
		return nil, err
	}
	result := make([]string, len(list))
	for i, item := range list {
		s, err := text(item, stack, key)
		if err != nil {
			return nil, err
		}
		result[i] = s
	}
	return result, nil
}
