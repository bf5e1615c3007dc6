package access

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notGranted are recorded calls that no row has, with the reason.
var notGranted = map[string]string{
	"backup:ListRecoveryPointsByBackupVault": "only empties a vault before it is deleted, with forceDestroy",
	"s3:DeleteObjects":                       "only empties a bucket before it is deleted, with forceDestroy",
	"s3:ListBucketVersions":                  "only empties a bucket before it is deleted, with forceDestroy",
}

// notRecorded are what rows have and the recording has not, besides tags, by the reason.
var notRecorded = map[string][]string{
	"a service checks it of who calls, and the provider does not call it": {
		"backup-storage:MountCapsule", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
		"ec2:DescribeAccountAttributes", "ec2:DescribeAvailabilityZones", "ec2:DescribeInternetGateways", "ec2:DescribeSecurityGroups",
		"ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcs", "elasticloadbalancing:SetWebAcl",
		"iam:CreateServiceLinkedRole", "iam:PassRole", "kms:CreateGrant", "kms:CreateKey", "kms:Decrypt", "kms:DescribeKey",
		"kms:Encrypt", "kms:GenerateDataKey", "kms:RetireGrant", "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
		"logs:DescribeResourcePolicies", "logs:PutResourcePolicy", "rds:CreateDBSnapshot", "s3:GetBucketAcl", "s3:PutBucketAcl",
		"secretsmanager:CreateSecret", "wafv2:GetWebACL",
	},
	"an update that was not made": {
		"backup:UpdateBackupPlan", "backup:UpdateRestoreTestingPlan", "backup:UpdateRestoreTestingSelection",
		"cloudfront:UpdateOriginAccessControl", "cloudfront:UpdateResponseHeadersPolicy", "cloudtrail:UpdateTrail",
		"ec2:ModifyVpcEndpoint", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation", "ec2:RevokeSecurityGroupIngress",
		"ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecs:UpdateCluster",
		"elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:SetSecurityGroups",
		"elasticloadbalancing:SetSubnets", "iam:AddClientIDToOpenIDConnectProvider", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion",
		"iam:PutRolePermissionsBoundary", "iam:RemoveClientIDFromOpenIDConnectProvider", "iam:UpdateAssumeRolePolicy",
		"iam:UpdateOpenIDConnectProviderThumbprint", "iam:UpdateRole", "iam:UpdateRoleDescription", "kms:DisableKey", "kms:DisableKeyRotation",
		"kms:PutKeyPolicy", "kms:UpdateAlias", "kms:UpdateKeyDescription", "logs:AssociateKmsKey", "rds:AddSourceIdentifierToSubscription",
		"rds:ModifyDBSubnetGroup", "rds:ModifyEventSubscription", "rds:RebootDBInstance", "rds:RemoveSourceIdentifierFromSubscription",
		"rds:ResetDBParameterGroup", "route53:UpdateHealthCheck", "secretsmanager:UpdateSecret", "wafv2:UpdateWebACL", "xray:UpdateGroup",
	},
	"a way of making it that was not taken": {
		"rds:DescribeDBSnapshots", "rds:RestoreDBInstanceFromDBSnapshot", "rds:RestoreDBInstanceToPointInTime",
		"s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning",
	},
	"a deletion that the emulator ended early or that was not made": {
		"backup:DeleteBackupVault", "backup:DeleteRecoveryPoint", "cloudtrail:StopLogging", "ec2:DisassociateRouteTable",
		"ecs:DeregisterTaskDefinition", "s3:BypassGovernanceRetention", "s3:DeleteObjectVersion",
	},
	"a read that the emulator ended early or the provider makes under another name": {
		"cloudtrail:GetEventSelectors", "s3:GetBucketLocation", "route53:ListResourceRecordSets", "secretsmanager:DescribeSecret",
	},
}

// withoutRecording are the types that were not made.
var withoutRecording = []string{
	"aws:cloudfront/monitoringSubscription:MonitoringSubscription", "aws:ec2/getManagedPrefixList:getManagedPrefixList", "aws:ecs/getService:getService", "aws:index/getRegion:getRegion",
	"aws:route53/zone:Zone", "aws:sns/topicSubscription:TopicSubscription",
}

// TestRecording compares the rows with the calls that the real provider made, both ways.
func TestRecording(t *testing.T) {
	t.Parallel()
	var recording struct {
		Origin string
		Calls  map[string][]string
	}
	data, err := os.ReadFile("testdata/provider-calls.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &recording))
	all := mustTable(t)
	rows := maps.Clone(all.Types)
	maps.Copy(rows, all.Bootstrap)
	used := map[string]bool{}
	explained := map[string]bool{}
	for _, actions := range notRecorded {
		maps.Copy(explained, set(actions))
	}
	for token, row := range rows {
		calls, recorded := recording.Calls[token]
		assert.NotEqual(t, recorded, slices.Contains(withoutRecording, token), token)
		if !recorded {
			continue
		}
		have := slices.Concat(row.Read, row.writes(), row.Administrator.writes())
		for _, call := range calls {
			if _, ok := notGranted[call]; ok {
				used[call] = true
				continue
			}
			assert.Contains(t, have, call, "the provider calls it for a %s: give its row the action", token)
		}
		for _, action := range have {
			if slices.Contains(calls, action) || strings.Contains(strings.ToLower(action), "tag") && !strings.Contains(action, "PutImageTag") {
				continue // tags are checked of who makes a resource with some
			}
			assert.True(t, explained[action], "%s of %s was not recorded: explain it, or take it out of the row", action, token)
			used[action] = true
		}
	}
	for token := range recording.Calls {
		assert.Contains(t, rows, token)
	}
	for action := range explained {
		assert.True(t, used[action], "%s needs no explanation", action)
	}
	for action := range notGranted {
		assert.True(t, used[action], "%s needs no explanation", action)
	}
}
