package account

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/awsapi"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// Administrator is who may do everything. All others are roles.
const Administrator = cloud.Administrator

// serveAPI answers AWS's protocols over the account.
func (a *Account) serveAPI() (err error) {
	authorize := a.Cloud.Authorize
	if a.opts.Roles == nil {
		authorize = nil
	}
	a.api, err = awsapi.Serve([]awsapi.Service{
		a.ecsAPI(), a.balancersAPI(), a.cloudwatchAPI(), a.route53API(), a.secretsAPI(), a.parametersAPI(), a.objectsAPI(), stsAPI(),
	}, authorize)
	return err
}

// Access leads an SDK or the AWS CLI to the account, as one role.
type Access struct{ URL, AccessKeyID, SecretAccessKey string }

// Access returns that of a role, by its name.
func (a *Account) Access(role string) (Access, error) {
	key := a.api.Key(cloud.Principal(role).ARN)
	return Access{a.api.URL, key.AccessKeyID, key.SecretAccessKey}, nil
}

// Calls counts the calls of the account, by role and service.
func (a *Account) Calls() ([]awsapi.Count, error) { return a.api.Counts(), nil }

// on is the permission for resources.
func on(arns ...string) awsapi.Permission { return awsapi.Permission{Resources: arns} }

// refuse is an error with one of AWS's codes.
func refuse(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// page cuts a list, whose token says where the next page begins. The size is that asked
// for, at most the greatest, which is also the default.
func page[T any](all []T, token *string, size *int32, greatest int) (part []T, next *string, err error) {
	first, err := strconv.Atoi(cmp.Or(aws.ToString(token), "0"))
	if err != nil || first < 0 || first > len(all) {
		return nil, nil, refuse("InvalidNextToken", "the token %q is not one of an answer", aws.ToString(token))
	}
	last := min(len(all), first+min(cmp.Or(int(aws.ToInt32(size)), greatest), greatest))
	if last < len(all) {
		next = aws.String(strconv.Itoa(last))
	}
	return all[first:last], next, nil
}

// named are the resources of a type in the region of a call that have one of the names,
// or ids, by any of the properties; all without names. What is missing is the first name
// that has no resource.
func (a *Account) named(ctx context.Context, short string, names []string, properties ...string) (found []*cloud.Resource, missing string) {
	inRegion := slices.DeleteFunc(a.each(short), func(r *cloud.Resource) bool {
		return r.Region != awsapi.Region(ctx) && r.Region != "global"
	})
	if len(names) == 0 {
		return inRegion, ""
	}
	for _, name := range names {
		i := slices.IndexFunc(inRegion, func(r *cloud.Resource) bool {
			return r.ID == name || slices.ContainsFunc(properties, func(property string) bool { return textOf(r, property) == name })
		})
		if i < 0 {
			missing = cmp.Or(missing, name)
			continue
		}
		found = append(found, inRegion[i])
	}
	return found, missing
}

// stsAPI is who calls.
func stsAPI() awsapi.Service {
	return awsapi.Service{
		SigningName: "sts", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Operations: map[string]awsapi.Operation{
			"GetCallerIdentity": awsapi.Do(func(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
				return &sts.GetCallerIdentityOutput{
					Account: aws.String(cloud.Account), UserId: aws.String("AROASANDBOX:sandbox"), Arn: aws.String(awsapi.Principal(ctx)),
				}, nil
			}),
		},
	}
}
