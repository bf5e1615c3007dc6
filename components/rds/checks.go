package rds

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/ferg-cod3s/codeflow-infrastructure/components/naming"
)

const (
	// minStorage and maxStorage bound a gp3 volume of RDS for PostgreSQL, in GiB.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
	minStorage, maxStorage = 20, 65536
	// minHeadroom is how much higher autoscaling's limit must be, in percent.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
	minHeadroom = 10
	// maxRetention is the longest that RDS keeps automated backups, in days; 0
	// would turn them off, and point-in-time recovery with them.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupRetention.html
	maxRetention = 35
)

// The patterns of https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
var (
	class      = regexp.MustCompile(`^db\.[a-z0-9-]+\.[a-z0-9]+$`)
	identifier = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	sqlName    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)
)

// versions of PostgreSQL that the server is tested with, see internal/postgres.
var versions = []string{"16", "17", "18"}

// CheckEngineVersion returns an error unless the version is a major version of
// PostgreSQL that is known: minor versions are RDS's to choose and to raise.
func CheckEngineVersion(major string) error {
	if !slices.Contains(versions, major) {
		return fmt.Errorf("engine version must be one of the major versions %v of PostgreSQL, got %q: minor ones are RDS's to choose", versions, major)
	}
	return nil
}

// CheckStorage returns an error for each of the allocated storage and the limit
// of its autoscaling, in GiB, that RDS would refuse.
func CheckStorage(allocated, limit int) []error {
	var errs []error
	if allocated < minStorage || allocated > maxStorage {
		errs = append(errs, fmt.Errorf("storage must be %d to %d GiB, got %d", minStorage, maxStorage, allocated))
	}
	switch least := (allocated*(100+minHeadroom) + 99) / 100; {
	case limit > maxStorage:
		errs = append(errs, fmt.Errorf("maximum storage must be at most %d GiB, got %d", maxStorage, limit))
	case limit < least:
		errs = append(errs, fmt.Errorf("maximum storage must be at least %d%% above the storage of %d GiB, got %d: give %d or more",
			minHeadroom, allocated, limit, least))
	}
	return errs
}

// CheckBackupRetention returns an error unless automated backups may be kept for
// that many days.
func CheckBackupRetention(days int) error {
	if days < 1 || days > maxRetention {
		return fmt.Errorf("backup retention must be 1 to %d days, got %d", maxRetention, days)
	}
	return nil
}

func checkIdentifier(name string) error {
	if !identifier.MatchString(name) || len(name) > naming.MaxDBInstance {
		return fmt.Errorf("identifier must be up to %d lower-case letters, digits and single hyphens, starting with a letter, got %q",
			naming.MaxDBInstance, name)
	}
	return nil
}

// checkName checks what PostgreSQL will call the database or its master user.
func checkName(what, name string) error {
	if !sqlName.MatchString(name) {
		return fmt.Errorf("%s must be up to 63 letters, digits and underscores, starting with a letter, got %q", what, name)
	}
	return nil
}

func checkUser(name string) error {
	if reserved := []string{"admin", "rdsadmin"}; slices.Contains(reserved, name) {
		return fmt.Errorf("user name must not be one of %v, which RDS reserves, got %q", reserved, name)
	}
	return checkName("user name", name)
}
