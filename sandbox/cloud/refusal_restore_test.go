package cloud

import "testing"

func TestRefusesInRestoreTests(t *testing.T) {
	t.Parallel()
	points := in{"algorithm": "LATEST_WITHIN_WINDOW", "includeVaults": []string{"*"}, "recoveryPointTypes": []string{"SNAPSHOT"}}
	good := in{"name": "weekly", "scheduleExpression": "cron(0 5 ? * 1 *)", "recoveryPointSelection": points}
	plan := func(change in) func(s *stack) error {
		return creating("backup/restoreTestingPlan", func(*stack) in { return good.with(change) })
	}
	selection := func(change in) func(s *stack) error {
		return creating("backup/restoreTestingSelection", func(s *stack) in {
			s.create("backup/restoreTestingPlan", "p", good)
			role := s.create("iam/role", "restore", in{"name": "restore", "assumeRolePolicy": trustECS})
			return in{
				"name": "rds", "restoreTestingPlanName": "weekly", "iamRoleArn": role.out["arn"], "protectedResourceType": "RDS",
				"protectedResourceArns": []string{"*"},
			}.with(change)
		})
	}
	lock := func(versions string, retention in) func(s *stack) error {
		return creating("s3/bucketObjectLockConfigurationV2", func(s *stack) in {
			s.create("s3/bucketV2", "b", in{"bucket": "bbb"})
			s.create("s3/bucketVersioningV2", "b", in{"bucket": "bbb", "versioningConfiguration": in{"status": versions}})
			return in{"bucket": "bbb", "rule": in{"defaultRetention": retention}}
		})
	}
	dashboard := func(body string) func(s *stack) error {
		return creating("cloudwatch/dashboard", func(*stack) in { return in{"dashboardName": "d", "dashboardBody": body} })
	}
	refusals(t, map[string]refusal{
		"test plan with a hyphen":   {plan(in{"name": "a-b"}), "letters, digits and underscores"},
		"test plan at no time":      {plan(in{"scheduleExpression": "daily"}), "Invalid schedule expression daily"},
		"test plan in a long time":  {plan(in{"startWindowHours": 169}), "expected startWindowHours to be in the range (1 - 168), got 169"},
		"test plan of a kind":       {plan(in{"recoveryPointSelection": points.with(in{"algorithm": "ANY"})}), "must be one of"},
		"test plan of an old point": {plan(in{"recoveryPointSelection": points.with(in{"selectionWindowDays": 366})}), "(1 - 365), got 366"},
		"test plan of no vault": {
			plan(in{"recoveryPointSelection": points.with(in{"includeVaults": []string{"arn:none"}})}), "Backup vault arn:none does not exist",
		},
		"test plan name taken": {
			func(s *stack) error {
				s.create("backup/restoreTestingPlan", "first", good)
				return plan(in{})(s)
			},
			"AlreadyExistsException",
		},
		"test of no plan":            {selection(in{"restoreTestingPlanName": "none"}), "Restore testing plan none does not exist"},
		"test of nothing":            {selection(in{"protectedResourceArns": nil}), "Either ProtectedResourceArns or"},
		"test validated for a month": {selection(in{"validationWindowHours": 720}), "(1 - 168), got 720"},
		"deleting a test plan in use": {
			deleting(func(s *stack) made {
				p := s.create("backup/restoreTestingPlan", "p", good)
				role := s.create("iam/role", "restore", in{"name": "restore", "assumeRolePolicy": trustECS})
				s.create("backup/restoreTestingSelection", "s", in{
					"name": "rds", "restoreTestingPlanName": "weekly", "iamRoleArn": role.out["arn"], "protectedResourceType": "RDS",
					"protectedResourceArns": []string{"*"},
				})
				return p
			}),
			"Restore testing plan weekly has selections",
		},
		"vault policy of no vault": {
			creating("backup/vaultPolicy", func(*stack) in { return in{"backupVaultName": "none", "policy": trustECS} }), "does not exist",
		},
		"lock without versions": {lock("Suspended", in{"days": 1, "mode": "GOVERNANCE"}), "Versioning must be 'Enabled'"},
		"lock in a mode":        {lock("Enabled", in{"days": 1, "mode": "SOFT"}), "expected mode to be one of"},
		"lock twice":            {lock("Enabled", in{"days": 1, "years": 1, "mode": "GOVERNANCE"}), "exactly one of Days, Years"},
		"dashboard of no JSON":  {dashboard("{"), "DashboardBody must be a valid JSON object"},
		"dashboard of nothing":  {dashboard("{}"), `should have required property "widgets"`},
		"widget of a type":      {dashboard(`{"widgets":[{"type":"pie","properties":{}}]}`), "/widgets/0 should have a known type"},
		"widget of no metric":   {dashboard(`{"widgets":[{"type":"metric"}]}`), "required property properties"},
		"widget nowhere":        {dashboard(`{"widgets":[{"type":"metric","properties":{}}]}`), "required property region"},
		"widget of no text":     {dashboard(`{"widgets":[{"type":"text","properties":{"x":1}}]}`), "required property markdown"},
		"widget too wide": {
			dashboard(`{"widgets":[{"type":"text","x":20,"width":6,"properties":{"markdown":"x"}}]}`), "should fit into 24 columns",
		},
		"query of no log group": {
			creating("cloudwatch/queryDefinition", func(*stack) in {
				return in{"name": "q", "queryString": "fields @message", "logGroupNames": []string{"none"}}
			}),
			"The specified log group does not exist: none",
		},
		"resource policy of no JSON": {
			creating("cloudwatch/logResourcePolicy", func(*stack) in { return in{"policyName": "p", "policyDocument": "x"} }),
			"policyDocument: This policy contains invalid Json",
		},
	})
}
