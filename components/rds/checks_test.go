// These tests do not prove that a region has the class or the version.
package rds_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/rds"
)

func TestChecks(t *testing.T) {
	t.Parallel()
	storage := func(allocated, limit int) error { return errors.Join(rds.CheckStorage(allocated, limit)...) }
	windows := func(backup, maintenance string) error { return errors.Join(rds.CheckWindows(backup, maintenance)...) }
	generations := func(current, unprotected, retired int) error {
		return errors.Join(rds.CheckGenerations(current, unprotected, retired)...)
	}
	for name, c := range map[string]struct {
		err  error
		want string // "" for none
	}{
		"class":                    {rds.CheckClass("db.t4g.medium"), ""},
		"large class":              {rds.CheckClass("db.r6g.16xlarge"), ""},
		"class without a row":      {rds.CheckClass("db.x2g.large"), `whose memory is known, got "db.x2g.large"`},
		"size of another family":   {rds.CheckClass("db.r7g.micro"), `got "db.r7g.micro"`},
		"too large a size":         {rds.CheckClass("db.t4g.4xlarge"), `got "db.t4g.4xlarge"`},
		"unknown size":             {rds.CheckClass("db.t4g.huge"), "or add a row"},
		"class without db":         {rds.CheckClass("t4g.medium"), `must be db.<family>.<size>, got "t4g.medium": give one such as "db.t4g.medium"`},
		"class without size":       {rds.CheckClass("db.t4g"), `got "db.t4g"`},
		"major version":            {rds.CheckEngineVersion("17"), ""},
		"minor version":            {rds.CheckEngineVersion("17.4"), `must be one of the major versions [16 17 18] of PostgreSQL, got "17.4"`},
		"old version":              {rds.CheckEngineVersion("15"), `got "15"`},
		"smallest storage":         {storage(20, 22), ""},
		"largest storage":          {storage(59578, 65536), ""},
		"too little storage":       {storage(19, 100), "storage must be 20 to 65536 GiB, got 19"},
		"too much storage":         {storage(65537, 65536), "storage must be 20 to 65536 GiB, got 65537"},
		"no headroom":              {storage(1000, 1099), "must be at least 10% above the storage of 1000 GiB, got 1099: give 1100 or more"},
		"headroom is rounded up":   {storage(25, 27), "give 28 or more"},
		"too much maximum storage": {storage(20, 65537), "maximum storage must be at most 65536 GiB, got 65537"},
		"shortest retention":       {rds.CheckBackupRetention(1), ""},
		"longest retention":        {rds.CheckBackupRetention(35), ""},
		"no backups":               {rds.CheckBackupRetention(0), "backup retention must be 1 to 35 days, got 0"},
		"too long a retention":     {rds.CheckBackupRetention(36), "got 36"},
		"windows":                  {windows("03:00-03:30", "sun:04:00-sun:05:00"), ""},
		"windows that touch":       {windows("03:30-04:00", "sun:04:00-sun:05:00"), ""},
		"windows over midnight":    {windows("23:00-00:30", "sat:22:00-sat:23:00"), ""},
		"window without a day":     {windows("03:00-03:30", "04:00-05:00"), "maintenance window must be ddd:hh:mm-ddd:hh:mm"},
		"no such time":             {windows("24:00-24:30", "sun:04:00-sun:05:00"), "backup window must be hh:mm-hh:mm"},
		"short backup window":      {windows("03:00-03:29", "sun:04:00-sun:05:00"), "backup window must last from 30 minutes"},
		"short maintenance window": {windows("03:00-03:30", "sun:04:00-sun:04:29"), "maintenance window must last from 30 minutes"},
		"day of maintenance":       {windows("03:00-03:30", "sun:04:00-mon:04:00"), "to less than a day"},
		"same time":                {windows("04:30-05:30", "sun:04:00-sun:05:00"), "must not overlap"},
		"backup inside":            {windows("04:10-04:40", "sun:04:00-sun:05:00"), "must not overlap"},
		"overlap after midnight":   {windows("23:00-00:30", "sun:00:00-sun:01:00"), "must not overlap"},
		"overlap after the week":   {windows("00:00-00:30", "sat:23:30-sun:00:30"), "must not overlap"},
		"first generation":         {generations(1, 0, 0), ""},
		"retired before the last":  {generations(3, 2, 2), ""},
		"no generation":            {generations(-1, 0, 0), "generation must be 1 or more, got -1"},
		"retired current":          {generations(2, 0, 2), "retired must be from 0 to less than the generation 2, got 2"},
		"unprotected current":      {generations(2, 2, 0), "unprotected must be from 0 to less than the generation 2, got 2"},
		"negative retired":         {generations(2, 0, -1), "got -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.want == "" {
				assert.NoError(t, c.err)
				return
			}
			assert.ErrorContains(t, c.err, c.want)
		})
	}
}

func FuzzCheckStorage(f *testing.F) {
	f.Add(20, 22)
	f.Fuzz(func(t *testing.T, allocated, limit int) {
		if len(rds.CheckStorage(allocated, limit)) == 0 {
			assert.True(t, allocated >= 20 && limit <= 65536 && 10*limit >= 11*allocated)
		}
	})
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for class, want := range map[string][2]int{ // MiB, connections
		"db.t4g.micro": {1024, 101}, "db.t4g.medium": {4096, 405}, "db.t4g.2xlarge": {32768, 3244},
		"db.m7g.large": {8192, 811}, "db.r7g.large": {16384, 1622}, "db.r7g.16xlarge": {524288, 5000},
	} {
		memory, connections, ok := rds.Figures(class)
		assert.True(t, ok, class)
		assert.Equal(t, want, [2]int{memory, connections}, class)
	}
	for _, class := range []string{"", "t4g.micro", "db.t4g", "db.t4g.", "db.m7g.micro"} {
		_, _, ok := rds.Figures(class)
		assert.False(t, ok, class)
	}
}

func TestRestoreFrom(t *testing.T) {
	t.Parallel()
	const backup = "arn:aws:rds:eu-west-1:123456789012:auto-backup:ab-1a2b3c"
	for name, c := range map[string]struct {
		from       rds.RestoreFrom
		generation int
		want       string // "" for none
	}{
		"snapshot":              {rds.RestoreFrom{Snapshot: "codeflow-prod-final"}, 2, ""},
		"automated snapshot":    {rds.RestoreFrom{Snapshot: "rds:codeflow-prod-2026-03-01-03-05"}, 2, ""},
		"recovery point":        {rds.RestoreFrom{Snapshot: "arn:aws:rds:eu-west-1:123456789012:snapshot:awsbackup:job-1a"}, 1, ""},
		"time":                  {rds.RestoreFrom{PointInTime: "2026-03-01T12:00:00Z"}, 2, ""},
		"latest of another":     {rds.RestoreFrom{PointInTime: rds.Latest, Source: "codeflow-old"}, 1, ""},
		"replicated":            {rds.RestoreFrom{ReplicatedBackup: backup}, 1, ""},
		"nothing":               {rds.RestoreFrom{}, 2, "one of snapshot, pointInTime and replicatedBackup, got 0"},
		"two":                   {rds.RestoreFrom{Snapshot: "a", PointInTime: rds.Latest}, 2, "got 2 of them"},
		"no snapshot":           {rds.RestoreFrom{Snapshot: "1st snapshot"}, 2, `snapshot, got "1st snapshot"`},
		"local time":            {rds.RestoreFrom{PointInTime: "2026-03-01T12:00:00+01:00"}, 2, `or a UTC time such as "2026-03-01T12:00:00Z", got`},
		"no time":               {rds.RestoreFrom{PointInTime: "yesterday"}, 2, `got "yesterday"`},
		"first has none before": {rds.RestoreFrom{PointInTime: rds.Latest}, 1, "restoreFrom.source is required for generation 1"},
		"source without time":   {rds.RestoreFrom{Snapshot: "a", Source: "codeflow-old"}, 2, "restoreFrom.source must be left out"},
		"bad source":            {rds.RestoreFrom{PointInTime: rds.Latest, Source: "Old"}, 2, `starting with a letter, got "Old"`},
		"an instance's ARN":     {rds.RestoreFrom{ReplicatedBackup: "arn:aws:rds:eu-west-1:123456789012:db:a"}, 1, "must be the ARN of an automated backup"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := errors.Join(c.from.Check(c.generation)...)
			if c.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}
