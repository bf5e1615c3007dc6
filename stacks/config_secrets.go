package stacks

import (
	"maps"
	"net/mail"
	"net/url"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/observability"
)

// APIKeys are the keys of other services by name, the secret key codeflow:apiKeys.
type APIKeys map[string]string

func (k APIKeys) validate(c checker) {
	for _, name := range slices.Sorted(maps.Keys(k)) {
		// The value is not shown.
		c.at(name).require(k[name] != "", "must not be empty", nil, "set it with pulumi config set --secret --path")
	}
}

func (k APIKeys) inputs() map[string]pulumi.StringInput {
	inputs := map[string]pulumi.StringInput{}
	for name, value := range k {
		inputs[name] = secret(value)
	}
	return inputs
}

// Escalation is who is told of alarms, the key codeflow:escalation: mail addresses
// and https URLs, which may be secret, of each level of the guide.
type Escalation struct {
	OnCall []string `json:"onCall"` // at once
	Lead   []string `json:"lead"`   // when the first has not answered in its time
	Team   []string `json:"team"`   //
	Info   []string `json:"info"`   // of what is no alarm: the database's and the backups' events, reminders
}

func (e *Escalation) levels() [3][]string { return [3][]string{e.OnCall, e.Lead, e.Team} }

func (e *Escalation) validate(c checker) {
	for _, endpoint := range slices.Concat(e.OnCall, e.Lead, e.Team, e.Info) {
		if isURL(endpoint) {
			continue
		}
		address, err := mail.ParseAddress(endpoint)
		// It may be secret, so it is not shown.
		c.require(err == nil && address.Address == endpoint, "must have mail addresses and https URLs only", nil, `for example "ops@example.com"`)
	}
}

func isURL(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

func (e *Escalation) subscriptions() (all [3][]observability.Subscription) {
	for i, level := range e.levels() {
		all[i] = subscriptions(level)
	}
	return all
}

func subscriptions(endpoints []string) (all []observability.Subscription) {
	for _, endpoint := range endpoints {
		protocol := "email"
		if isURL(endpoint) {
			protocol = "https"
		}
		all = append(all, observability.Subscription{Protocol: protocol, Endpoint: secret(endpoint)})
	}
	return all
}

func secret(text string) pulumi.StringOutput {
	return pulumi.ToSecret(pulumi.String(text)).(pulumi.StringOutput)
}
