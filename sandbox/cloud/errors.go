package cloud

import (
	"errors"
	"fmt"
	"strings"
)

// apiError is an error in AWS's form: a code and a message.
type apiError struct{ code, message string }

func (e *apiError) Error() string { return e.code + ": " + e.message }

// refuse makes an error as AWS's API gives it.
func refuse(code, format string, args ...any) error {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

// refuseAs makes one from a rule's "Code: message" template.
func refuseAs(template, region string, values props) error {
	code, message, _ := strings.Cut(template, ": ")
	message, _ = expand(message, region, values)
	return &apiError{code: code, message: message}
}

// describe wraps an error the way the provider reports it: what it was doing,
// to which resource, and AWS's answer.
func describe(verb, typ, name string, err error) error {
	service, kind, _ := strings.Cut(shortType(typ), "/")
	if api := (*apiError)(nil); errors.As(err, &api) {
		return fmt.Errorf("%s %s %s (%s): api error %w", verb, service, kind, name, err)
	}
	return fmt.Errorf("%s %s %s (%s): %w", verb, service, kind, name, err)
}
