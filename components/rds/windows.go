package rds

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
var (
	backupWindow      = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$`)
	maintenanceWindow = regexp.MustCompile(
		`^(sun|mon|tue|wed|thu|fri|sat):([01]\d|2[0-3]):([0-5]\d)-(sun|mon|tue|wed|thu|fri|sat):([01]\d|2[0-3]):([0-5]\d)$`)
	weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

const (
	minWindow = 30 // minutes
	day       = 24 * 60
	week      = 7 * day
)

// window is from a minute of its cycle, a day or a week, for some minutes; it
// may run over the end of the cycle.
type window struct{ start, length int }

// CheckWindows returns an error for each of the backup window ("03:00-03:30",
// daily) and the maintenance window ("sun:04:00-sun:05:00", weekly), both in UTC,
// that RDS would refuse.
func CheckWindows(backup, maintenance string) []error {
	var errs []error
	daily, weekly := backupWindow.FindStringSubmatch(backup), maintenanceWindow.FindStringSubmatch(maintenance)
	if daily == nil {
		errs = append(errs, fmt.Errorf("backup window must be hh:mm-hh:mm in UTC, got %q: give one such as %q", backup, "03:00-03:30"))
	}
	if weekly == nil {
		errs = append(errs, fmt.Errorf("maintenance window must be ddd:hh:mm-ddd:hh:mm in UTC, got %q: give one such as %q",
			maintenance, "sun:04:00-sun:05:00"))
	}
	if len(errs) > 0 {
		return errs
	}
	b := between(minute(daily[1:3]), minute(daily[3:5]), day)
	m := between(minuteOfWeek(weekly[1:4]), minuteOfWeek(weekly[4:7]), week)
	for _, w := range []struct {
		what, value string
		length      int
	}{{"backup window", backup, b.length}, {"maintenance window", maintenance, m.length}} {
		if w.length < minWindow || w.length >= day {
			errs = append(errs, fmt.Errorf("%s must last from %d minutes to less than a day, got %q", w.what, minWindow, w.value))
		}
	}
	if len(errs) == 0 && overlap(b, m) {
		errs = append(errs, fmt.Errorf("backup window must not overlap the maintenance window, got %q and %q: move one of them", backup, maintenance))
	}
	return errs
}

func between(from, to, cycle int) window { return window{from, (to - from + cycle) % cycle} }

// overlap compares the weekly window with the daily ones of its week, of the day
// before and of the day after: both may run over midnight.
func overlap(daily, weekly window) bool {
	for d := -1; d <= 7; d++ {
		if start := daily.start + d*day; start < weekly.start+weekly.length && weekly.start < start+daily.length {
			return true
		}
	}
	return false
}

// minute is that of a day for an hour and a minute that are digits.
func minute(parts []string) int {
	hour, _ := strconv.Atoi(parts[0])
	minute, _ := strconv.Atoi(parts[1])
	return 60*hour + minute
}

func minuteOfWeek(parts []string) int {
	return slices.Index(weekdays, parts[0])*day + minute(parts[1:])
}
