package npmrelease

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle"
	"github.com/ferg-cod3s/codeflow-infrastructure/agentbundle/secrets"
)

// uses are what the guide greps src/ for. People look at them; they are no
// failure. Where it greps for words such as "key", rules look for the secrets.
var uses = []struct {
	name string
	re   *regexp.Regexp
}{
	{"network", regexp.MustCompile(`fetch|https?|axios`)},
	{"process.env", regexp.MustCompile(`process\.env`)},
}

// packed is what npm pack --json says.
type packed struct {
	Filename  string `json:"filename"`
	Integrity string `json:"integrity"`
	Size      int    `json:"size"` // bytes
	Files     []struct {
		Path string `json:"path"`
	} `json:"files"`
}

func (r *release) npmPack(ctx context.Context, args ...string) (*packed, error) {
	out, err := r.exec(ctx, program{dir: r.Path, name: "npm", args: append([]string{"pack", "--json", "--ignore-scripts"}, args...)})
	if err != nil {
		return nil, err
	}
	var list []packed
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("npm pack: reading its list: %w", err)
	}
	if len(list) != 1 {
		return nil, fmt.Errorf("npm pack must pack one package, got %d", len(list))
	}
	return &list[0], nil
}

// scan looks for secrets before anything of the checkout runs.
func (r *release) scan(ctx context.Context) (string, error) {
	list, err := r.npmPack(ctx, "--dry-run")
	if err != nil {
		return "", err
	}
	for _, file := range list.Files {
		r.files = append(r.files, filepath.FromSlash(file.Path))
	}
	err = filepath.WalkDir(filepath.Join(r.Path, "src"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			path, err = filepath.Rel(r.Path, path)
			r.files = append(r.files, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	slices.Sort(r.files)
	r.files = slices.Compact(r.files)
	var problems []error
	err = r.eachFile(func(path string, data []byte) { problems = append(problems, secretsIn(path, data)...) })
	return fmt.Sprintf("none in %d files", len(r.files)), errors.Join(err, errors.Join(problems...))
}

// secretsIn returns the secrets in a file.
func secretsIn(path string, data []byte) (problems []error) {
	for _, found := range secrets.Scan(data) {
		problems = append(problems, agentbundle.Problem{
			Path: path, Line: found.Line, Severity: agentbundle.SeverityError, Rule: "secret", Message: found.Message, Hint: found.Hint,
		})
	}
	return problems
}

func (r *release) eachFile(use func(path string, data []byte)) error {
	for _, path := range r.files {
		data, err := os.ReadFile(filepath.Join(r.Path, path))
		if err != nil {
			return err
		}
		use(filepath.ToSlash(path), data)
	}
	return nil
}

// countUses prints the counts of each file and returns their sums.
func (r *release) countUses(context.Context) (string, error) {
	sums := make([]int, len(uses))
	err := r.eachFile(func(path string, data []byte) {
		if !strings.HasPrefix(path, "src/") {
			return
		}
		for i, use := range uses {
			if n := len(use.re.FindAll(data, -1)); n > 0 {
				sums[i] += n
				fmt.Fprintf(r.Progress, "  %s: %s: %d\n", path, use.name, n)
			}
		}
	})
	var detail []string
	for i, use := range uses {
		detail = append(detail, fmt.Sprintf("%s: %d", use.name, sums[i]))
	}
	return strings.Join(detail, ", "), err
}

// pack makes the file that is published and scans it: a build may have put
// secrets of its environment in.
func (r *release) pack(ctx context.Context) (string, error) {
	list, err := r.npmPack(ctx, "--pack-destination", r.dir)
	if err != nil {
		return "", err
	}
	r.tarball, r.integrity = filepath.Join(r.dir, list.Filename), list.Integrity
	if err := scanTarball(r.tarball); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d files, %d kB, %s", len(list.Files), list.Size/1000, list.Integrity), nil
}

func scanTarball(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	var problems []error
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(problems...)
		}
		if err != nil {
			return err
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		problems = append(problems, secretsIn(header.Name, data)...)
	}
}
