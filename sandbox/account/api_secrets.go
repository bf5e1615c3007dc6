package account

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

func (a *Account) secretsAPI() awsapi.Service {
	secret := func(id *string) awsapi.Permission {
		if secret := a.find("secretsmanager/secret", "name", aws.ToString(id)); secret != nil {
			return on(secret.ID)
		}
		return on(aws.ToString(id))
	}
	return awsapi.Service{SigningName: "secretsmanager", Operations: map[string]awsapi.Operation{
		"GetSecretValue": awsapi.Needs(awsapi.Do(a.getSecretValue), func(_ context.Context, in *secretsmanager.GetSecretValueInput) awsapi.Permission {
			return secret(in.SecretId)
		}),
		"PutSecretValue": awsapi.Needs(awsapi.Do(a.putSecretValue), func(_ context.Context, in *secretsmanager.PutSecretValueInput) awsapi.Permission {
			return secret(in.SecretId)
		}),
	}}
}

func (a *Account) getSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	arn, version, err := a.secretVersion(aws.ToString(in.SecretId), cmp.Or(aws.ToString(in.VersionStage), current))
	if err != nil {
		return nil, err
	}
	return &secretsmanager.GetSecretValueOutput{ARN: &arn, SecretString: &version.Value, CreatedDate: &version.Created}, nil
}

func (a *Account) putSecretValue(_ context.Context, in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	for _, by := range []string{"name", "arn"} {
		if secret := a.find("secretsmanager/secret", by, aws.ToString(in.SecretId)); secret != nil {
			return &secretsmanager.PutSecretValueOutput{ARN: &secret.ID}, a.secrets.put(secret.ID, aws.ToString(in.SecretString))
		}
	}
	return nil, refuse("ResourceNotFoundException", "there is no secret %q", aws.ToString(in.SecretId))
}

const parameterType = "aws:ssm/parameter:Parameter"

func (a *Account) parametersAPI() awsapi.Service {
	parameter := func(ctx context.Context, name *string) awsapi.Permission {
		return on(fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/%s", awsapi.Region(ctx), cloud.Account, strings.TrimPrefix(aws.ToString(name), "/")))
	}
	return awsapi.Service{SigningName: "ssm", Operations: map[string]awsapi.Operation{
		"GetParameter": awsapi.Needs(awsapi.Do(a.getParameter), func(ctx context.Context, in *ssm.GetParameterInput) awsapi.Permission {
			return parameter(ctx, in.Name)
		}),
		"PutParameter": awsapi.Needs(awsapi.Do(a.putParameter), func(ctx context.Context, in *ssm.PutParameterInput) awsapi.Permission {
			return parameter(ctx, in.Name)
		}),
		"DeleteParameter": awsapi.Needs(awsapi.Do(a.deleteParameter), func(ctx context.Context, in *ssm.DeleteParameterInput) awsapi.Permission {
			return parameter(ctx, in.Name)
		}),
	}}
}

func (a *Account) getParameter(ctx context.Context, in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	r, ok := a.Cloud.Store().Get(parameterType, awsapi.Region(ctx), aws.ToString(in.Name))
	if !ok {
		return nil, &types.ParameterNotFound{}
	}
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{
		Name: in.Name, Type: types.ParameterType(textOf(r, "type")), Value: aws.String(parameterValue(r)),
	}}, nil
}

// putParameter is kept by name, as the provider's are.
func (a *Account) putParameter(ctx context.Context, in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	name, region := aws.ToString(in.Name), awsapi.Region(ctx)
	r, exists := a.Cloud.Store().Get(parameterType, region, name)
	if exists && !aws.ToBool(in.Overwrite) {
		return nil, &types.ParameterAlreadyExists{Message: aws.String("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")}
	}
	if !exists {
		properties := map[string]any{"name": name, "type": string(in.Type)}
		r = &cloud.Resource{Type: parameterType, ID: name, Region: region, Inputs: properties, Outputs: properties}
	}
	r.Inputs["value"], r.Outputs["value"] = aws.ToString(in.Value), aws.ToString(in.Value)
	return &ssm.PutParameterOutput{}, a.Cloud.Store().Put(r)
}

func (a *Account) deleteParameter(ctx context.Context, in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	if _, ok := a.Cloud.Store().Get(parameterType, awsapi.Region(ctx), aws.ToString(in.Name)); !ok {
		return nil, &types.ParameterNotFound{}
	}
	return &ssm.DeleteParameterOutput{}, a.Cloud.Store().Delete(parameterType, awsapi.Region(ctx), aws.ToString(in.Name))
}

// environment is what leads the AWS SDK in a task here, as the task's role.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func (a *Account) environment(region, role string) []task.Variable {
	key := a.api.Key(cloud.Principal(path.Base(role)).ARN)
	return []task.Variable{
		{Name: "AWS_REGION", Value: region},
		{Name: "AWS_ENDPOINT_URL", Value: a.api.URL},
		{Name: "AWS_EC2_METADATA_DISABLED", Value: "true"},
		{Name: "AWS_ACCESS_KEY_ID", Value: key.AccessKeyID},
		{Name: "AWS_SECRET_ACCESS_KEY", Value: key.SecretAccessKey},
	}
}
