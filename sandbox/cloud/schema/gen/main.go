// Command gen writes aws.json, the compact schema that package schema embeds.
//
// It is a tool for developers and is not run by a build. Its inputs are two
// files that are not part of the repository:
//
//   - -schema: the resource schemas of the Terraform AWS provider, as a map of
//     Terraform type to {block} (the resource_schemas part of `terraform
//     providers schema -json` of hashicorp/aws 5.100.0);
//   - -replaces: per Pulumi type, its Terraform type and what a change of each
//     property makes the real provider 5.100.0 plan: replace or update.
//
// Run it from this folder's parent:
//
//	go run ./gen -schema schema.json -replaces replaces.json > aws.json
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// byHand are the types that the replaces file does not have. What replaces is
// from a plan by the real provider 5.100.0, which -schema is of, over a state
// written by hand with one property changed; the first eight were not planned.
var byHand = map[string]replaceInfo{
	"aws:cloudfront/vpcOrigin:VpcOrigin":                         {Terraform: "aws_cloudfront_vpc_origin"},
	"aws:ec2/defaultNetworkAcl:DefaultNetworkAcl":                {Terraform: "aws_default_network_acl"},
	"aws:ec2/networkAcl:NetworkAcl":                              {Terraform: "aws_network_acl"},
	"aws:iam/instanceProfile:InstanceProfile":                    {Terraform: "aws_iam_instance_profile"},
	"aws:iam/serviceLinkedRole:ServiceLinkedRole":                {Terraform: "aws_iam_service_linked_role"},
	"aws:route53/queryLog:QueryLog":                              {Terraform: "aws_route53_query_log"},
	"aws:s3/bucketAclV2:BucketAclV2":                             {Terraform: "aws_s3_bucket_acl"},
	"aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2": {Terraform: "aws_s3_bucket_cors_configuration"},

	"aws:backup/restoreTestingPlan:RestoreTestingPlan": {
		"aws_backup_restore_testing_plan", replacing("name"),
	},
	"aws:backup/restoreTestingSelection:RestoreTestingSelection": {
		"aws_backup_restore_testing_selection", replacing("name", "protectedResourceType", "restoreTestingPlanName"),
	},
	"aws:backup/vaultNotifications:VaultNotifications": {
		"aws_backup_vault_notifications", replacing("backupVaultEvents", "backupVaultName", "snsTopicArn"),
	},
	"aws:backup/vaultPolicy:VaultPolicy": {"aws_backup_vault_policy", replacing("backupVaultName")},
	"aws:cloudwatch/logResourcePolicy:LogResourcePolicy": {
		"aws_cloudwatch_log_resource_policy", replacing("policyName"),
	},
	"aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2": {
		"aws_s3_bucket_object_lock_configuration", replacing("bucket", "expectedBucketOwner"),
	},
}

// replaceInfo is one type of the replaces file.
type replaceInfo struct {
	Terraform  string            `json:"terraform"`
	Properties map[string]string `json:"properties"`
}

func replacing(properties ...string) map[string]string {
	effects := map[string]string{}
	for _, property := range properties {
		effects[property] = "replace"
	}
	return effects
}

func main() {
	schemaPath := flag.String("schema", "", "Terraform resource schemas, JSON")
	replacesPath := flag.String("replaces", "", "which change replaces, JSON")
	flag.Parse()
	if err := run(os.Stdout, *schemaPath, *replacesPath); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, schemaPath, replacesPath string) error {
	var resources map[string]struct {
		Block block `json:"block"`
	}
	if err := readJSON(schemaPath, &resources); err != nil {
		return err
	}
	var replaces struct {
		Types map[string]replaceInfo `json:"types"`
	}
	if err := readJSON(replacesPath, &replaces); err != nil {
		return err
	}
	infos := replaces.Types
	delete(infos["aws:rds/instance:Instance"].Properties, "name") // deprecated for dbName.
	for token, info := range byHand {
		if _, ok := resources[info.Terraform]; ok {
			infos[token] = info
		}
	}

	types := map[string]*node{}
	var missing []string
	for token, info := range infos {
		resource, ok := resources[info.Terraform]
		if !ok {
			return fmt.Errorf("type %q: no Terraform schema %q", token, info.Terraform)
		}
		root := resource.Block.convert(info.Terraform, info.Terraform)
		missing = append(missing, root.mark(token, info.Properties)...)
		types[token] = root
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("the replaces file names properties that the schema does not have; "+
			"add overrides to names.go:\n%s", strings.Join(missing, "\n"))
	}
	return write(out, types)
}

// mark adds to the properties what a change of them does, and returns the
// names that the schema does not have. What was not probed, below the first
// level of a block, does what the block does.
func (n *node) mark(token string, properties map[string]string) (missing []string) {
	for _, path := range slices.Sorted(maps.Keys(properties)) {
		outer, inner, nested := strings.Cut(path, ".")
		if n.props[outer] == nil || (nested && n.props[outer].props[inner] == nil) {
			missing = append(missing, token+" "+path)
		}
	}
	for outer, property := range n.props {
		property.inherit(effectFlag(properties[outer]))
		for inner, below := range property.props {
			if effect, probed := properties[outer+"."+inner]; probed {
				below.inherit(effectFlag(effect))
			}
		}
	}
	return missing
}

// inherit sets what a change does, on the property and on all below it.
func (n *node) inherit(flag string) {
	n.flags = strings.TrimRight(n.flags, "^~") + flag
	for _, below := range n.props {
		below.inherit(flag)
	}
}

func effectFlag(effect string) string {
	switch {
	case effect == "replace":
		return "^"
	case strings.HasPrefix(effect, "depends"):
		return "~"
	}
	return "" // update, or unknown: no transition gave a valid plan.
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
