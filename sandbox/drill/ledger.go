package drill

import (
	"context"
	"crypto/md5" //nolint:gosec // against accidents, as PostgreSQL has it.
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// table is the drill's own.
const table = "restore_drill"

// ledger is what was written, in memory: row n is at n-1.
type ledger struct{ rows []row }

type row struct {
	payload string
	at      time.Time // of the commit, or a little later.
}

// sum is what a database has, or must have.
type sum struct {
	Rows, Last int
	Checksum   string
}

func (s sum) String() string {
	return fmt.Sprintf("%d rows up to number %d with checksum %s", s.Rows, s.Last, s.Checksum)
}

// pause is between two rows.
const pause = 10 * time.Millisecond

// fewest is how many rows are written on a machine that is too busy for more.
const fewest = 5

// write writes a row after the other, each in a transaction of its own. The first
// time it begins with an empty table, since an earlier drill may have left one.
func (l *ledger) write(ctx context.Context, conn *pgx.Conn, during time.Duration) error {
	if len(l.rows) == 0 {
		if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS "+table+"; CREATE TABLE "+table+" (n integer PRIMARY KEY, payload text NOT NULL)"); err != nil {
			return err
		}
	}
	end, enough := time.Now().Add(during), len(l.rows)+fewest
	for time.Now().Before(end) || len(l.rows) < enough {
		payload := rand.Text()
		if _, err := conn.Exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2)", len(l.rows)+1, payload); err != nil {
			return err
		}
		l.rows = append(l.rows, row{payload, time.Now()})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

func (l *ledger) all() sum { return l.until(len(l.rows)) }

// until is the sum of the first rows.
func (l *ledger) until(last int) sum {
	last = min(last, len(l.rows))
	hash := md5.New() //nolint:gosec // as above.
	for i, r := range l.rows[:last] {
		fmt.Fprintf(hash, "%d:%s;", i+1, r.payload)
	}
	return sum{last, last, hex.EncodeToString(hash.Sum(nil))}
}

// read is the sum of what a database has.
func read(ctx context.Context, conn *pgx.Conn) (s sum, err error) {
	err = conn.QueryRow(ctx, "SELECT count(*), coalesce(max(n), 0), md5(coalesce(string_agg(n || ':' || payload || ';', '' ORDER BY n), '')) FROM "+table).
		Scan(&s.Rows, &s.Last, &s.Checksum)
	return s, err
}

// usage is what the server has written: rows, and a checksum of them.
func usage(ctx context.Context, conn *pgx.Conn) (text string, err error) {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass('usage_events') IS NOT NULL").Scan(&there); err != nil || !there {
		return "no rows", err
	}
	err = conn.QueryRow(ctx, "SELECT count(*) || ' rows, md5 ' || md5(coalesce(string_agg(u::text, ';' ORDER BY batch_id, n), '')) FROM usage_events u").
		Scan(&text)
	return text, err
}
