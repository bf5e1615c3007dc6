// Package alarm evaluates CloudWatch's metric alarms as AWS documents it, over
// metrics that are really measured.
//
// [Evaluate] is the rule for M out of N datapoints and for missing ones. Metrics
// come from a [Source]; [LoadBalancerSource] has those of the load balancers that
// run, [Store] what is published, by log lines that a [Pattern] matches too, [Healthy]
// those of what does not run, and [Namespaces] puts several together. [Faults] give a
// metric another value. An alarm on a metric that nothing measures is an error, never
// a state.
//
// [EvaluateComposite] is a composite alarm's rule, and [Watch] takes the actions of
// alarms that change, unless a suppressor holds them back.
//
// Alarms may have metric math: + - * /, comparisons, IF with three arguments and
// FILL with two, over numbers, ids and parentheses. Anything else is an error that
// says unsupported; so is an id that Go reserves, like range. The metrics of an
// expression are read one after the other: if a period ends in between, they are
// one apart.
//
// Anomaly detection, Metrics Insights and
// EvaluateLowSampleCountPercentile are not known here.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
package alarm
