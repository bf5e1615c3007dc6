package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
	"github.com/ferg-cod3s/codeflow-infrastructure/ops"
)

// parameter is where the platform's interlock finds the digest that is refused.
func (c *Cloud) parameter() string {
	return naming.Platform{Project: c.settings.Project, Environment: c.settings.Environment}.SwitchedBack()
}

// SwitchedBack implements [ops.Cloud].
func (c *Cloud) SwitchedBack(ctx context.Context) (*ops.SwitchedBack, error) {
	out, err := c.values.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(c.parameter())})
	var none *types.ParameterNotFound
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading parameter %q: %w", c.parameter(), err)
	}
	s := &ops.SwitchedBack{}
	if err := json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), s); err != nil {
		return nil, fmt.Errorf("parameter %q must be a JSON object with color, digest, reason and time (delete it to refuse no digest): %w", c.parameter(), err)
	}
	return s, nil
}

// SetSwitchedBack implements [ops.Cloud].
func (c *Cloud) SetSwitchedBack(ctx context.Context, s *ops.SwitchedBack) error {
	if s == nil {
		_, err := c.values.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String(c.parameter())})
		var none *types.ParameterNotFound
		if err != nil && !errors.As(err, &none) {
			return fmt.Errorf("deleting parameter %q: %w", c.parameter(), err)
		}
		return nil
	}
	value, err := parameterValue(*s)
	if err == nil {
		_, err = c.values.PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String(c.parameter()), Value: aws.String(value), Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
			Description: aws.String("The digest that lost its traffic, written by ops"),
		})
	}
	if err != nil {
		return fmt.Errorf("writing parameter %q: %w", c.parameter(), err)
	}
	return nil
}

// maxParameter is the size of a standard parameter's value in bytes.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
const maxParameter = 4096

// parameterValue cuts a reason that is too long.
func parameterValue(s ops.SwitchedBack) (string, error) {
	value, err := json.Marshal(s)
	if over := len(value) - maxParameter; err == nil && over > 0 {
		s.Reason = string([]rune(s.Reason)[:max(0, len([]rune(s.Reason))-over)])
		value, err = json.Marshal(s)
	}
	return string(value), err
}
