package secrets

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

// Args configures a [Store].
type Args struct {
	// Names of the parameters and of the secret. Required; a change replaces all of
	// them.
	Names naming.Platform
	// Region that they are in. Required; updates in place.
	Region string
	// Colors whose tasks read them. Required; updates in place.
	Colors []string
	// Operators are the names of the roles that deploy and that rotate tokens, with
	// "*" for any characters, for example "codeflow-deploy-*". A role with a path has
	// it before its name. Who runs the program must be one of them: the provider
	// reads the API keys. Required; updates in place.
	Operators []string
	// Settings by name, for example "log-level". Optional; in place.
	Settings map[string]string
	// APIKeys by name, for example "openai". They are kept secret even when they are
	// plain here. Optional; in place.
	APIKeys map[string]pulumi.StringInput
	// DatabaseURL for the server, which must have no password. Required; in place.
	DatabaseURL pulumi.StringInput
	// RecoveryDays is how long the deleted tokens can be restored, 7 to 30 days, and
	// their name is taken. Default 30. Updates in place.
	RecoveryDays int
	// ForceDelete deletes the tokens at once instead. Default false. Updates in place.
	ForceDelete bool
	// ReminderTopicARN is the SNS topic that is told every quarter to rotate the API
	// keys. Its policy, and its key's, must admit events.amazonaws.com. Default: nobody
	// is told. In place.
	ReminderTopicARN pulumi.StringInput
}

var (
	nameRule = regexp.MustCompile(`^[a-z0-9-]+$`)
	// roleRule is what IAM allows in a role's path and name, with wildcards:
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	roleRule = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9+=,.@_/*-]*$`)
)

func (a *Args) validate() error {
	a.RecoveryDays = cmp.Or(a.RecoveryDays, 30)
	errs := a.Names.Check()
	if a.Region == "" || a.DatabaseURL == nil {
		errs = append(errs, errors.New("Region and DatabaseURL are required"))
	}
	if len(a.Colors) == 0 || len(a.Operators) == 0 {
		errs = append(errs, errors.New("Colors and Operators are required: nobody else may read"))
	}
	for _, color := range a.Colors {
		errs = append(errs, naming.Color{Project: a.Names.Project, Color: color}.Check()...)
	}
	for i, role := range a.Operators {
		if !roleRule.MatchString(role) {
			errs = append(errs, fmt.Errorf("Operators[%d] must be the name of a role that begins with a letter or digit, "+
				`like "codeflow-deploy-*", got %q`, i, role))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Settings)) {
		errs = append(errs, checkEntry("Settings", name, a.Settings[name] != ""))
	}
	for _, name := range slices.Sorted(maps.Keys(a.APIKeys)) {
		errs = append(errs, checkEntry("APIKeys", name, a.APIKeys[name] != nil))
	}
	if a.RecoveryDays < 7 || a.RecoveryDays > 30 {
		errs = append(errs, fmt.Errorf("RecoveryDays must be 7 to 30, got %d: set ForceDelete to delete at once", a.RecoveryDays))
	}
	return errors.Join(errs...)
}

func checkEntry(field, name string, has bool) error {
	switch {
	case !nameRule.MatchString(name):
		return fmt.Errorf(`%s: name %q must be lower-case letters, digits and hyphens, like "log-level"`, field, name)
	case !has:
		return fmt.Errorf("%s[%q] must have a value: give it one or leave it out", field, name)
	}
	return nil
}

// checkURL returns the URL of a database when it has no password. What is wrong is
// not quoted: parts of a password end up anywhere in a URL that is written wrong.
func checkURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" {
		return "", errors.New("DatabaseURL must be a URL like postgresql://user@host:5432/database")
	}
	_, password := u.User.Password()
	if query, err := url.ParseQuery(u.RawQuery); err != nil || password || query.Has("password") || query.Has("sslpassword") {
		return "", errors.New("DatabaseURL must have no password: the server's login is signed by IAM, remove it")
	}
	return text, nil
}
