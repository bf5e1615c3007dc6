package cloud

import (
	"fmt"
	"slices"
	"strings"
)

// healthTypes are the types of a health check, as the provider has them.
var healthTypes = []string{
	"CALCULATED", "CLOUDWATCH_METRIC", "HTTP", "HTTP_STR_MATCH", "HTTPS", "HTTPS_STR_MATCH", "RECOVERY_CONTROL", "TCP",
}

// healthCheck is the rule of the type route53/healthCheck.
func healthCheck() Rule {
	return Rule{
		ID: "{uuid}", ARN: "route53:::healthcheck/{id}", Global: true,
		Outputs: map[string]any{"failureThreshold": 3.0, "requestInterval": 30.0, "disabled": false},
		Refs:    []Ref{{Path: "childHealthchecks", To: "route53/healthCheck", Loose: true}},
		Check:   checkHealth,
		Apply: func(c *call) error {
			alarm, region := c.in.str("cloudwatchAlarmName"), c.in.str("cloudwatchAlarmRegion")
			if alarm == "" {
				return nil
			}
			found := c.first(region, "cloudwatch/metricAlarm", func(r *Resource) bool { return r.ID == alarm })
			if found == nil {
				return refuse("InvalidInput", "Invalid parameter : The alarm %s does not exist in %s.", alarm, region)
			}
			return watchable(props(found.Outputs))
		},
		Missing: "NoSuchHealthCheck: No health check exists with the specified ID {value}",
	}
}

// checkHealth judges a health check by its type; the messages begin as those
// that are reported, such as https://github.com/aws/aws-sdk-php/issues/1528.
func checkHealth(in props) error {
	invalid := func(problem string) error { return refuse("InvalidInput", "Invalid parameter : %s", problem) }
	kind := in.str("type")
	if kind == "" {
		return nil // not known yet.
	}
	if !slices.Contains(healthTypes, kind) {
		return fmt.Errorf("expected type to be one of %v, got %s", healthTypes, kind)
	}
	if interval := in.num("requestInterval", 30); interval != 10 && interval != 30 {
		return fmt.Errorf("expected request_interval to be one of [10 30], got %v", interval)
	}
	if threshold := in.num("failureThreshold", 3); threshold < 1 || threshold > 10 {
		return fmt.Errorf("expected failure_threshold to be in the range (1 - 10), got %v", threshold)
	}
	switch hasAlarm := in.has("cloudwatchAlarmName") && in.has("cloudwatchAlarmRegion"); {
	case kind == "CLOUDWATCH_METRIC" && !hasAlarm:
		return invalid("Metric health checks must have an alarm name and a region specified.")
	case kind == "CALCULATED" && !in.has("childHealthchecks"):
		return invalid("Calculated health checks must have child health checks specified.")
	case slices.Contains([]string{"CLOUDWATCH_METRIC", "CALCULATED", "RECOVERY_CONTROL"}, kind):
		return nil
	case in.has("cloudwatchAlarmRegion"):
		return invalid("Basic health checks must not have an metric region specified.")
	case !in.has("fqdn") && !in.has("ipAddress"):
		return invalid("Basic health checks must have an IP address or a fully qualified domain name specified.")
	case strings.HasSuffix(kind, "_STR_MATCH") && !in.has("searchString"):
		return invalid("String match health checks must have a search string specified.")
	}
	return nil
}

// watchable judges an alarm that a health check is to follow.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html
func watchable(alarm props) error {
	statistics := []string{"Average", "Maximum", "Minimum", "SampleCount", "Sum"}
	periods := alarm.num("evaluationPeriods", 1)
	switch {
	case alarm.has("metricQueries"):
		return refuse("InvalidInput", "Invalid parameter : Route 53 doesn't support alarms that are based on metric math.")
	case !slices.Contains(statistics, alarm.str("statistic")):
		return refuse("InvalidInput", "Invalid parameter : Route 53 supports alarms with one of the statistics %v.", statistics)
	case alarm.num("datapointsToAlarm", periods) != periods:
		return refuse("InvalidInput", "Invalid parameter : Route 53 doesn't support alarms that use \"M out of N\".")
	case alarm.num("period", 60) < 60:
		return refuse("InvalidInput", "Invalid parameter : Route 53 supports CloudWatch alarms with standard-resolution metrics only.")
	}
	return nil
}
