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
	for name, c := range map[string]struct {
		err  error
		want string // "" for none
	}{
		"class":                    {rds.CheckClass("db.t4g.medium"), ""},
		"large class":              {rds.CheckClass("db.r6g.16xlarge"), ""},
		"class without db":         {rds.CheckClass("t4g.medium"), `must be db.<family>.<size>, got "t4g.medium": give one such as "db.t4g.medium"`},
		"class without size":       {rds.CheckClass("db.t4g"), `got "db.t4g"`},
		"major version":            {rds.CheckEngineVersion("17"), ""},
		"minor version":            {rds.CheckEngineVersion("17.4"), `must be a major version of PostgreSQL, got "17.4": give one such as "17"`},
		"old version":              {rds.CheckEngineVersion("9"), `got "9"`},
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
