package cloud

import (
	"regexp"
	"strings"
)

var cloudtrailRules = map[string]Rule{
	"cloudtrail/trail": {
		ID: "{arn}", ARN: "cloudtrail:{region}:{account}:trail/{name}", Autoname: Autoname{Max: 128},
		Outputs: map[string]any{
			"homeRegion": "{region}", "enableLogging": true, "includeGlobalServiceEvents": true, "isMultiRegionTrail": false,
		},
		Refs: []Ref{
			{Path: "cloudWatchLogsRoleArn", To: "iam/role", By: "arn", Loose: true},
			{Path: "kmsKeyId", To: anyKey, By: "arn id", In: anywhere, Loose: true},
			{Path: "snsTopicName", To: "sns/topic", By: "arn name", Loose: true},
		},
		Unique: []Unique{{Key: "{name}", Error: "TrailAlreadyExistsException: Trail {name} already exists for customer: {account}"}},
		Check: func(in props) error {
			if name := in.str("name"); name != "" && !trailName.MatchString(name) {
				return refuse("InvalidTrailNameException", "Trail name %s is not valid: it has 3 to 128 letters, digits, periods, "+
					"underscores and hyphens", name)
			}
			return nil
		},
		Apply: placeTrail,
	},
}

var trailName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{1,126}[a-zA-Z0-9]$`)

// placeTrail refuses a trail that could not deliver: CloudTrail tries the
// bucket and the log group. The policy of the bucket must name the service:
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html.
func placeTrail(c *call) error {
	bucket := c.in.str("s3BucketName")
	if c.first(anywhere, "s3/bucketV2", func(r *Resource) bool { return r.ID == bucket }) == nil {
		return refuse("S3BucketDoesNotExistException", "S3 bucket %s does not exist!", bucket)
	}
	lets := c.first(anywhere, "s3/bucketPolicy", func(r *Resource) bool {
		return r.Outputs["bucket"] == bucket && strings.Contains(text(r.Outputs["policy"]), "cloudtrail.amazonaws.com")
	})
	if lets == nil {
		return refuse("InsufficientS3BucketPolicyException", "Incorrect S3 bucket policy is detected for bucket: %s", bucket)
	}
	if group := c.in.str("cloudWatchLogsGroupArn"); group != "" {
		arn, all := strings.CutSuffix(group, ":*")
		if !all || c.find("cloudwatch/logGroup", "arn", arn) == nil {
			return refuse("InvalidCloudWatchLogsLogGroupArnException", "CloudTrail cannot validate the specified log group ARN: %s",
				group)
		}
		if !c.in.has("cloudWatchLogsRoleArn") {
			return refuse("InvalidCloudWatchLogsRoleArnException", "A log group needs CloudWatchLogsRoleArn")
		}
	}
	if topic := c.find("sns/topic", "arn name", c.in.str("snsTopicName")); topic != nil {
		c.out["snsTopicArn"] = topic.Outputs["arn"]
	}
	return nil
}
