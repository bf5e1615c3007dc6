//go:build linux

package account_test

// These tests seed resources: that the provider takes them is shown elsewhere.

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/account"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

const other = "eu-west-1"

// make is seed that returns the failure of what follows.
func (w *world) make(token, where string, inputs in) (*cloud.Resource, error) {
	w.t.Helper()
	r, err := w.Cloud.Seed(token, where, inputs)
	require.NoError(w.t, err)
	return r, w.Follower().Changed("rds/instance")
}

func (w *world) instance(name, where string, from in) (*cloud.Resource, error) {
	inputs := in{
		"identifier": name, "engine": "postgres", "username": "codeflow", "dbName": "codeflow", "instanceClass": "db.t4g.micro",
		"manageMasterUserPassword": true, "skipFinalSnapshot": true, "backupRetentionPeriod": 7,
	}
	for key, value := range from {
		inputs[key] = value
	}
	return w.make("aws:rds/instance:Instance", where, inputs)
}

// master connects to a database as its master user.
func (w *world) master(r *cloud.Resource) *pgx.Conn {
	w.t.Helper()
	address, err := w.DatabaseURL(text(r, "identifier"))
	require.NoError(w.t, err)
	conn, err := pgx.Connect(w.t.Context(), address)
	require.NoError(w.t, err)
	return conn
}

func (w *world) sql(r *cloud.Resource, sql string) {
	w.t.Helper()
	conn := w.master(r)
	defer conn.Close(w.t.Context())
	_, err := conn.Exec(w.t.Context(), sql)
	require.NoError(w.t, err)
}

func (w *world) rows(r *cloud.Resource) (n int) {
	w.t.Helper()
	conn := w.master(r)
	defer conn.Close(w.t.Context())
	require.NoError(w.t, conn.QueryRow(w.t.Context(), "SELECT count(*) FROM kept").Scan(&n))
	return n
}

func TestRestores(t *testing.T) {
	t.Parallel()
	w := open(t, passable(t), account.Options{TimeScale: fast})
	source, err := w.instance("codeflow-prod", region, nil)
	require.NoError(t, err)
	copied, err := w.make("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication", other,
		in{"sourceDbInstanceArn": text(source, "arn")})
	require.NoError(t, err)
	w.sql(source, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 100) n")
	require.NoError(t, w.Backup(t.Context(), "codeflow-prod"))
	w.sql(source, "INSERT INTO kept SELECT n FROM generate_series(101, 200) n")
	good := time.Now().UTC()
	w.sql(source, "DELETE FROM kept WHERE n % 2 = 0")
	gone := time.Now()
	eventually(t, func() bool { latest, _ := w.Restorable("codeflow-prod"); return latest.After(gone) }, "the log is uploaded")

	to := func(at time.Time) in {
		return in{"restoreToPointInTime": in{"sourceDbInstanceIdentifier": "codeflow-prod", "restoreTime": at.Format(time.RFC3339Nano)}}
	}
	second, err := w.instance("codeflow-prod-2", region, to(good))
	require.NoError(t, err)
	assert.Equal(t, 200, w.rows(second))
	assert.Equal(t, 100, w.rows(source), "it stays as it is")
	_, err = w.instance("codeflow-prod-3", region, to(good.Add(time.Hour)))
	require.ErrorContains(t, err, "the latest restorable time is ")
	_, err = w.instance("codeflow-prod-4", region, to(good.Add(-time.Hour)))
	require.ErrorContains(t, err, "there is no backup from before ")

	// What is in the other region is there when this one is lost.
	wals := func() []string {
		files, err := filepath.Glob(filepath.Join(w.dir, "runtime", "backups", other, "ab-*", "wal", "*.gz"))
		require.NoError(t, err)
		return files
	}
	before := len(wals())
	eventually(t, func() bool { return len(wals()) > before+1 }, "the log is copied")
	require.ErrorContains(t, w.SetFault("region-down", true), "needs a region")
	require.NoError(t, w.SetFault("region-down:"+region, true))
	require.ErrorContains(t, w.SetFault("region-down:"+region, false), "for good")
	assert.Equal(t, []string{
		"az-down:" + region + "a", "az-down:" + region + "b", "az-down:" + region + "c", "region-down:" + region,
	}, w.status().Faults)
	assert.Equal(t, "region "+region+" is lost", w.status().Databases["codeflow-prod"])
	_, err = w.instance("codeflow-prod-5", region, to(good))
	require.ErrorContains(t, err, "is lost")
	latest := in{"restoreToPointInTime": in{"sourceDbInstanceAutomatedBackupsArn": copied.ID, "useLatestRestorableTime": true}}
	dr, err := w.instance("codeflow-dr", other, latest)
	require.NoError(t, err)
	assert.Equal(t, 100, w.rows(dr))

	files := wals()
	require.NoError(t, os.Remove(files[len(files)/2]))
	_, err = w.instance("codeflow-dr-2", other, latest)
	require.ErrorContains(t, err, "lacks what comes before", "a restore can fail")
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	w := open(t, passable(t), account.Options{TimeScale: fast})
	source, err := w.instance("codeflow-prod", region, in{"skipFinalSnapshot": false, "finalSnapshotIdentifier": "codeflow-prod-final"})
	require.NoError(t, err)
	w.sql(source, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 100) n")
	require.NoError(t, w.Cloud.Forget(source))
	for name, snapshot := range map[string]string{
		"codeflow-prod": "codeflow-prod-final", "codeflow-again": "arn:aws:rds:" + region + ":000000000000:snapshot:codeflow-prod-final",
	} {
		restored, err := w.instance(name, region, in{"snapshotIdentifier": snapshot})
		require.NoError(t, err)
		assert.Equal(t, 100, w.rows(restored))
	}
	kept := func(resourceID string) []string {
		files, err := filepath.Glob(filepath.Join(w.dir, "runtime", "backups", region, resourceID, "base", "*.gz"))
		require.NoError(t, err)
		return files
	}
	assert.Empty(t, kept(source.ID), "the provider's default takes the automated backups, too")
	retained, err := w.instance("codeflow-retained", region, in{"deleteAutomatedBackups": false})
	require.NoError(t, err)
	require.NoError(t, w.Cloud.Forget(retained))
	assert.Len(t, kept(retained.ID), 1)
	require.ErrorContains(t, w.Backup(t.Context(), "none"), "no such database runs here")
	_, err = w.DatabaseURL("none")
	require.ErrorContains(t, err, "no database")

	w = w.reopen()
	for _, name := range []string{"codeflow-prod", "codeflow-again"} {
		assert.Contains(t, w.status().Databases[name], "postgres://", "its files are there")
	}
}
