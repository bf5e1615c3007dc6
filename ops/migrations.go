package ops

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Schema tells the way back of the database.
type Schema interface {
	// Migrations lists all migrations by version.
	Migrations() ([]Migration, error)
}

// Migration is one step of the database's schema.
type Migration struct {
	Version int64
	Name    string
	// Irreversible is why servers from before it cannot use the schema, "" when
	// they can: migrations only add while two colours share the database.
	Irreversible string
}

// Migrations reads the migrations of the server, *.sql files whose names begin
// with their version, from a folder. A comment "-- irreversible: reason" marks one
// after which older servers do not work any more.
func Migrations(folder fs.FS) Schema { return sqlFiles{folder} }

type sqlFiles struct{ folder fs.FS }

func (s sqlFiles) Migrations() ([]Migration, error) {
	names, err := fs.Glob(s.folder, "*.sql")
	if err != nil {
		return nil, err
	}
	var migrations []Migration
	for _, name := range names {
		text, err := fs.ReadFile(s.folder, name)
		if err != nil {
			return nil, fmt.Errorf("reading migration: %w", err)
		}
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %q must begin with its version, for example 00002_add_index.sql", name)
		}
		m := Migration{Version: version, Name: name}
		if m.Irreversible, err = irreversible(text); err != nil {
			return nil, fmt.Errorf("migration %q: %w", name, err)
		}
		migrations = append(migrations, m)
	}
	slices.SortFunc(migrations, func(a, b Migration) int { return int(a.Version - b.Version) })
	return migrations, nil
}

func irreversible(text []byte) (string, error) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		comment, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "--")
		if !ok {
			continue
		}
		reason, ok := strings.CutPrefix(strings.TrimSpace(comment), "irreversible:")
		if !ok {
			continue
		}
		if reason = strings.TrimSpace(reason); reason == "" {
			return "", fmt.Errorf(`"-- irreversible:" needs a reason: say what older servers miss`)
		}
		return reason, nil
	}
	return "", nil
}

// wayBack says what the database means for a way back to a release that needs
// schema version to, "" when that is not known, while the schema may be at version
// at, "" for the newest. It is an error when the way is blocked.
func wayBack(schema Schema, to, at string) (string, error) {
	all, err := schema.Migrations()
	if err != nil {
		return "", err
	}
	var newest int64
	for _, m := range all {
		newest = m.Version
	}
	until, err := version(at, newest)
	if err != nil {
		return "", err
	}
	target, err := version(to, -1)
	if err != nil {
		return "", err
	}
	var blocks []string
	for _, m := range all {
		if m.Irreversible != "" && m.Version > target && m.Version <= until {
			blocks = append(blocks, fmt.Sprintf("%s (%s)", m.Name, m.Irreversible))
		}
	}
	switch {
	case len(blocks) > 0 && target < 0:
		return "", fmt.Errorf("the way back may be blocked by the database: which schema the release needs is not known, and servers from before %s do not work any more: "+
			"say it with --schema, or go forward", strings.Join(blocks, ", "))
	case len(blocks) > 0:
		return "", fmt.Errorf("the way back is blocked by the database: the release needs schema version %d, and servers from before %s do not work any more: "+
			"go forward with a fixed release, or restore the database to a point in time before", target, strings.Join(blocks, ", "))
	case target < 0:
		return fmt.Sprintf("no migration up to version %d is irreversible: every server works with the schema", until), nil
	case target < until:
		return fmt.Sprintf("the schema is at version %d, the release needs %d: it works with the newer one, nothing between is irreversible; no migration is undone", until, target), nil
	}
	return fmt.Sprintf("the schema stays at version %d", until), nil
}

func version(text string, unknown int64) (int64, error) {
	if text == "" {
		return unknown, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("schema version must be a number from 0, got %q", text)
	}
	return v, nil
}
