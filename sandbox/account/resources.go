package account

import (
	"encoding/json"
	"fmt"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// each returns the resources of a type, in the short form.
func (a *Account) each(short string) []*cloud.Resource {
	return a.Cloud.Store().List(func(r *cloud.Resource) bool { return r.Short() == short })
}

// find returns the first resource of a type whose property, or id, has a value.
func (a *Account) find(short, property, value string) *cloud.Resource {
	found, _ := a.Cloud.Store().Find(func(r *cloud.Resource) bool {
		return r.Short() == short && (property == "id" && r.ID == value || textOf(r, property) == value)
	})
	return found
}

// textOf is a property that is a text, "" when it is not.
func textOf(r *cloud.Resource, property string) string {
	text, _ := r.Outputs[property].(string)
	return text
}

// decode reads a resource's properties into the fields of their names.
func decode(r *cloud.Resource, into any) error {
	data, err := json.Marshal(r.Outputs)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("reading %s %q: %w", r.Short(), r.ID, err)
	}
	return nil
}
