// Package logretention knows how long CloudWatch Logs can keep a log group.
package logretention

import (
	"fmt"
	"slices"
)

// days are the retentions that CloudWatch Logs offers.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
var days = []int{
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

// Check returns an error unless CloudWatch Logs offers the retention, in days.
func Check(retention int) error {
	if slices.Contains(days, retention) {
		return nil
	}
	return fmt.Errorf("log retention must be one of CloudWatch's, %v days, got %d", days, retention)
}
