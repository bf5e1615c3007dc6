package cloud

import "encoding/json"

var ecrRules = map[string]Rule{
	"ecr/repository": {
		ID: "{name}", ARN: "ecr:{region}:{account}:repository/{name}", Autoname: Autoname{Max: 256, Lower: true},
		Outputs: map[string]any{
			"registryId": "{account}", "repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}",
			"imageTagMutability": "MUTABLE",
		},
		Refs: []Ref{{Path: "encryptionConfigurations.kmsKey", To: anyKey, By: "arn id", Loose: true}},
		Unique: []Unique{{Key: "{name}", Error: "RepositoryAlreadyExistsException: The repository with name '{name}' " +
			"already exists in the registry with id '{account}'"}},
		Destroy: func(c *call) error {
			images := c.cloud.opts.Images
			if images == nil || images.Empty(c.old.ID) {
				return nil
			}
			if !c.in.yes("forceDelete") {
				return refuse("RepositoryNotEmptyException", "The repository with name '%s' in registry with id '%s' cannot be "+
					"deleted because it still contains images", c.old.ID, Account)
			}
			return images.Remove(c.old.ID)
		},
		Missing: "RepositoryNotFoundException: The repository with name '{value}' does not exist in the registry with id " +
			"'{account}'",
	},
	"ecr/lifecyclePolicy": {
		DeletedFirst: true,
		ID:           "{repository}", Outputs: map[string]any{"registryId": "{account}"},
		Refs:  []Ref{{Path: "repository", To: "ecr/repository", By: "name", Loose: true}},
		Check: func(in props) error { return checkJSON(in, "policy", "InvalidParameterException") },
	},
	"ecr/replicationConfiguration": {
		ID: "{account}", Outputs: map[string]any{"registryId": "{account}"},
		Apply: func(c *call) error {
			for _, destination := range c.in.objects("replicationConfiguration.rules.destinations") {
				if destination.str("region") == c.region && destination.str("registryId") == Account {
					return refuse("InvalidParameterException", "Invalid parameter at 'replicationConfiguration' failed to satisfy "+
						"constraint: 'Replication destination cannot be the same as the source registry'")
				}
			}
			return nil
		},
	},
	"ecr/repositoryPolicy": {
		ID: "{repository}", Outputs: map[string]any{"registryId": "{account}"},
		Refs:  []Ref{{Path: "repository", To: "ecr/repository", By: "name", Loose: true}},
		Check: func(in props) error { return checkPolicies(in, "policy") },
	},
}

// checkJSON refuses a document that is not a JSON object.
func checkJSON(in props, name, code string) error {
	var object map[string]any
	if document := in.str(name); document != "" && json.Unmarshal([]byte(document), &object) != nil {
		return refuse(code, "The field %s must be a valid JSON object", name)
	}
	return nil
}
