package cloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var rdsRules = map[string]Rule{
	"rds/subnetGroup": {
		ID: "{name}", ARN: "rds:{region}:{account}:subgrp:{name}", Autoname: Autoname{Lower: true},
		Outputs: map[string]any{"description": "Managed by Terraform", "supportedNetworkTypes": []any{"IPV4"}},
		Refs:    []Ref{{Path: "subnetIds", To: "ec2/subnet"}},
		Check:   checkLower("name", "DBSubnetGroupName"),
		Apply:   placeSubnetGroup,
		Missing: "DBSubnetGroupNotFoundFault: DB subnet group '{value}' does not exist.",
		InUse: "InvalidDBSubnetGroupStateFault: Cannot delete the subnet group '{name}' because at least one database " +
			"instance: {user} is still using it.",
	},
	"rds/parameterGroup": {
		ID: "{name}", ARN: "rds:{region}:{account}:pg:{name}", Autoname: Autoname{Lower: true},
		Outputs: map[string]any{"description": "Managed by Terraform", "skipDestroy": false},
		Check:   checkLower("name", "DBParameterGroupName"),
		Missing: "DBParameterGroupNotFound: DBParameterGroup not found: {value}",
		InUse: "InvalidDBParameterGroupState: One or more database instances are still members of this parameter group " +
			"{name}, so the group cannot be deleted",
	},
	"rds/instance": {
		ID: "{resourceId}", ARN: "rds:{region}:{account}:db:{identifier}",
		Autoname: Autoname{Property: "identifier", Max: 63, Lower: true},
		Outputs: map[string]any{
			"resourceId": "db-{upper20}", "address": "{identifier}.c{lower14}.{region}.rds.amazonaws.com",
			"endpoint": "{address}:{port}", "port": 5432.0, "status": "available", "hostedZoneId": "Z{upper13}",
			"engineVersionActual": "{engineVersion}", "caCertIdentifier": "rds-ca-rsa2048-g1",
			"availabilityZone": "{region}a", "storageType": "gp2", "networkType": "IPV4",
			"backupWindow": "03:00-03:30", "maintenanceWindow": "sun:04:00-sun:04:30", "replicas": []any{},
		},
		Refs: []Ref{
			{Path: "dbSubnetGroupName", To: "rds/subnetGroup", By: "name"},
			{Path: "parameterGroupName", To: "rds/parameterGroup", By: "name"},
			{Path: "vpcSecurityGroupIds", To: anyGroup},
			{Path: "kmsKeyId", To: anyKey, By: "arn", Loose: true},
			{Path: "performanceInsightsKmsKeyId", To: anyKey, By: "arn", Loose: true},
			{Path: "masterUserSecretKmsKeyId", To: anyKey, By: "arn id", Loose: true},
			{Path: "monitoringRoleArn", To: "iam/role", By: "arn", Loose: true},
		},
		Unique:  []Unique{{Key: "{identifier}", Error: "DBInstanceAlreadyExists: DB instance already exists"}},
		Check:   checkInstance,
		Apply:   placeInstance,
		Destroy: destroyInstance,
		Missing: "DBInstanceNotFound: DBInstance {value} not found.",
	},
	"rds/instanceAutomatedBackupsReplication": {
		ID:      "arn:aws:rds:{region}:{account}:auto-backup:ab-{lower14}",
		Outputs: map[string]any{"retentionPeriod": 7.0},
		Refs: []Ref{
			{Path: "sourceDbInstanceArn", To: "rds/instance", By: "arn", In: anywhere, Loose: true},
			{Path: "kmsKeyId", To: anyKey, By: "arn", Loose: true},
		},
		Unique: []Unique{{Key: "{sourceDbInstanceArn}", Error: "InvalidDBInstanceState: The DB instance " +
			"{sourceDbInstanceArn} is already replicating to the current region."}},
		Check: func(in props) error { return checkBackupRetention(in, "retentionPeriod") },
		Apply: replicateBackups,
	},
	"rds/eventSubscription": {
		ID: "{name}", ARN: "rds:{region}:{account}:es:{name}",
		Outputs: map[string]any{"customerAwsId": "{account}", "enabled": true},
		Unique:  []Unique{{Key: "{name}", Error: "SubscriptionAlreadyExist: Subscription {name} already exists"}},
		Check:   checkSubscriptionSources,
		Apply:   placeSubscription,
	},
}

func checkLower(property, parameter string) func(props) error {
	return func(in props) error {
		if name := in.str(property); name != strings.ToLower(name) {
			return refuse("InvalidParameterValue", "The parameter %s must be lower case: %s", parameter, name)
		}
		return nil
	}
}

// placeSubnetGroup refuses subnets of one zone or of several VPCs.
func placeSubnetGroup(c *call) error {
	var zones []string
	for _, id := range c.in.strs("subnetIds") {
		subnet := props(c.find("ec2/subnet", "id", id).Outputs)
		if vpc := c.out.str("vpcId"); vpc != "" && vpc != subnet.str("vpcId") {
			return refuse("InvalidSubnet", "The DB subnet group cannot have subnets of several VPCs: %s, %s", vpc,
				subnet.str("vpcId"))
		}
		c.out["vpcId"] = subnet["vpcId"]
		if zone := subnet.str("availabilityZone"); !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	if len(zones) < 2 {
		return refuse("DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage "+
			"requirement. Current AZ coverage: %s. Add subnets to cover at least 2 AZs.", strings.Join(zones, ", "))
	}
	return nil
}

var (
	instanceName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	databaseName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)
	intervals    = []string{"", "0", "1", "5", "10", "15", "30", "60"}
)

func checkInstance(in props) error {
	if name := in.str("identifier"); name != "" && (len(name) > 63 || !instanceName.MatchString(name)) {
		return refuse("InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier: %s", name)
	}
	if name := in.str("dbName"); name != "" && !databaseName.MatchString(name) {
		return refuse("InvalidParameterValue", "DBName must begin with a letter and contain only alphanumeric characters.")
	}
	if in.yes("manageMasterUserPassword") && in.has("password") {
		return fmt.Errorf("manageMasterUserPassword conflicts with password")
	}
	if limit := in.num("maxAllocatedStorage", 0); limit != 0 && limit <= in.num("allocatedStorage", 0) {
		return refuse("InvalidParameterCombination", "Max storage size must be greater than storage size")
	}
	if days := in.num("backupRetentionPeriod", 0); days < 0 || days > 35 {
		return refuse("InvalidParameterValue", "Invalid backup retention period: %v. Retention period must be between 0 and 35.",
			days)
	}
	interval := in.str("monitoringInterval")
	if !slices.Contains(intervals, interval) {
		return refuse("InvalidParameterValue", "Invalid Enhanced Monitoring interval: %s", interval)
	}
	if interval != "" && interval != "0" && !in.has("monitoringRoleArn") {
		return refuse("InvalidParameterCombination", "A MonitoringRoleARN value is required if you specify a "+
			"MonitoringInterval value other than 0.")
	}
	if in.str("engine") == "postgres" && in.str("username") == "admin" {
		return refuse("InvalidParameterValue", "MasterUsername admin cannot be used as it is a reserved word used by the engine")
	}
	return checkRestore(in)
}

func placeInstance(c *call) error {
	if err := restore(c); err != nil {
		return err
	}
	if group := c.find("rds/subnetGroup", "name", c.in.str("dbSubnetGroupName")); group != nil {
		for _, id := range c.in.strs("vpcSecurityGroupIds") {
			if vpc := c.group(id).Outputs["vpcId"]; vpc != group.Outputs["vpcId"] {
				return refuse("InvalidParameterCombination", "The DB instance and EC2 security group are in different VPCs. "+
					"The DB instance is in %v and the EC2 security group is in %v", group.Outputs["vpcId"], vpc)
			}
		}
	}
	if group := c.find("rds/parameterGroup", "name", c.in.str("parameterGroupName")); group != nil {
		family := text(group.Outputs["family"])
		major, _, _ := strings.Cut(c.in.str("engineVersion"), ".")
		if want := c.in.str("engine") + major; major != "" && family != want {
			return refuse("InvalidParameterCombination", "The Parameter Group %s with DBParameterGroupFamily %s cannot be used "+
				"for this instance. Please use a Parameter Group with DBParameterGroupFamily %s", group.ID, family, want)
		}
	}
	if c.in.yes("manageMasterUserPassword") && c.out["masterUserSecrets"] == nil {
		arn, _ := expand("arn:aws:secretsmanager:{region}:{account}:secret:rds!db-{uuid}-{letters6}", c.region, c.out)
		c.out["masterUserSecrets"] = []any{map[string]any{
			"secretArn": arn, "secretStatus": "active", "kmsKeyId": c.in.str("masterUserSecretKmsKeyId"),
		}}
	}
	return nil
}

func destroyInstance(c *call) error {
	if props(c.old.Outputs).yes("deletionProtection") {
		return refuse("InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection "+
			"and try again.")
	}
	if !c.in.yes("skipFinalSnapshot") && !c.in.has("finalSnapshotIdentifier") {
		return fmt.Errorf("final_snapshot_identifier is required when skip_final_snapshot is false")
	}
	if c.in.yes("skipFinalSnapshot") {
		return nil
	}
	// It outlives the instance and its stack, and so does its name.
	name := c.in.str("finalSnapshotIdentifier")
	const snapshot = "aws:rds/snapshot:Snapshot"
	if c.find(shortType(snapshot), "dbSnapshotIdentifier", name) != nil {
		return refuse("DBSnapshotAlreadyExists", "Cannot create the snapshot because a snapshot with the identifier %s already exists.", name)
	}
	return c.cloud.store.Put(&Resource{
		Type: snapshot, ID: name, Key: name, Region: c.old.Region,
		Outputs: map[string]any{"dbSnapshotIdentifier": name, "dbInstanceIdentifier": c.old.Outputs["identifier"]},
	})
}
