package drill_test

// These drills are held on a PostgreSQL without an account: that the stacks restore
// by config is shown in the sandbox's own tests.

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/drill"
)

// platform is a server and one restored from it.
type platform struct {
	t        *testing.T
	dir      string
	instance postgres.Instance
	server   *postgres.Server
	// harm is done before a restore.
	harm func(p *platform)
	// after is done when it is restored.
	after string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "drill-test")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	p := &platform{t: t, dir: dir, instance: postgres.Instance{
		Dir: filepath.Join(dir, "first"), Archive: filepath.Join(dir, "wal"), User: "codeflow", Password: "x", Database: "codeflow", AdminPassword: "y",
	}}
	require.NoError(t, p.start(t.Context()))
	return p
}

func (p *platform) start(ctx context.Context) (err error) {
	p.server, err = p.instance.Start(ctx)
	if err == nil {
		p.t.Cleanup(p.server.Stop)
	}
	return err
}

func (p *platform) backup() string { return filepath.Join(p.dir, "base.tar.gz") }

func (p *platform) Connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, p.server.UserURL(p.instance.User, p.instance.Password, p.instance.Database))
}

func (p *platform) Use(ctx context.Context) error { return ctx.Err() }

func (p *platform) Backup(ctx context.Context) error { return p.server.Backup(ctx, p.backup()) }

func (p *platform) Restorable() (latest, replicated time.Time) {
	latest, err := p.server.Archived(p.t.Context())
	require.NoError(p.t, err)
	return latest, latest
}

func (p *platform) LoseRegion() error {
	p.server.Kill()
	return os.RemoveAll(p.instance.Dir)
}

func (p *platform) Restore(ctx context.Context, until time.Time) error {
	if p.harm != nil {
		p.harm(p)
	}
	p.instance.Origin = &postgres.Origin{Backup: p.backup(), Archive: p.instance.Archive, Until: until}
	p.instance.Dir, p.instance.Archive = filepath.Join(p.dir, "second"), filepath.Join(p.dir, "wal-2")
	if err := p.start(ctx); err != nil || p.after == "" {
		return err
	}
	conn, err := p.Connect(ctx)
	require.NoError(p.t, err)
	_, err = conn.Exec(ctx, p.after)
	return errors.Join(err, conn.Close(ctx))
}

func (p *platform) Serve(ctx context.Context) error { return ctx.Err() }

// segments of the archive.
func (p *platform) segments() []string {
	files, err := filepath.Glob(filepath.Join(p.instance.Archive, "*.gz"))
	require.NoError(p.t, err)
	slices.Sort(files)
	return files
}

func TestDrills(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		region bool
		harm   func(p *platform)
		after  string
		want   string // "" for success
	}{
		"point in time": {},
		"region lost":   {region: true},
		"corrupt archive": {
			harm: func(p *platform) { require.NoError(p.t, os.Truncate(p.segments()[len(p.segments())-1], 20)) },
			want: "could not restore file",
		},
		"missing segment": {
			harm: func(p *platform) { require.NoError(p.t, os.Remove(p.segments()[len(p.segments())-1])) },
			want: "recovery ended before configured recovery target was reached",
		},
		"missing row":     {after: "DELETE FROM restore_drill WHERE n = 3", want: "rows up to number"},
		"changed row":     {after: "UPDATE restore_drill SET payload = 'x' WHERE n = 3", want: "with checksum"},
		"missing row, dr": {region: true, after: "DELETE FROM restore_drill WHERE n = 3", want: "but the first"},
		"nothing, dr":     {region: true, after: "DELETE FROM restore_drill", want: "restored 0 rows"},
		"server's row":    {after: "DELETE FROM usage_events WHERE n = 1", want: "restored the server's 1 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			p.harm, p.after = c.harm, c.after
			conn, err := p.Connect(t.Context())
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), "CREATE TABLE usage_events AS SELECT 1 AS batch_id, n FROM generate_series(1, 2) n")
			require.NoError(t, errors.Join(err, conn.Close(t.Context())))
			if c.region {
				_, err := p.server.Archived(t.Context())
				require.NoError(t, err)
			}
			report, err := drill.Run(t.Context(), drill.Options{Platform: p, Region: c.region, Write: 200 * time.Millisecond, StorageGB: 100})
			var text bytes.Buffer
			require.NoError(t, report.Write(&text))
			t.Logf("%s", &text)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				assert.False(t, report.Passed)
				assert.Contains(t, text.String(), "FAILED: ")
				return
			}
			require.NoError(t, err)
			assert.True(t, report.Passed)
			assert.Positive(t, report.Restored)
			assert.LessOrEqual(t, report.Restored, report.Written)
			assert.Positive(t, report.RPO.Measured)
			assert.Positive(t, report.RTO.Measured)
		})
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	_, err := drill.Run(t.Context(), drill.Options{Platform: newPlatform(t), StorageGB: 5000, Write: 50 * time.Millisecond})
	require.ErrorContains(t, err, "RTO would be ")
	require.ErrorContains(t, err, "more than the budget of 14400 s")
}
