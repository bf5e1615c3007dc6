package registry

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
)

// mirror is a node_modules folder.
type mirror struct{ fs.FS }

// Mirror serves the packages that are installed in a node_modules folder, in
// every version that is there, as a registry does.
// https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
func Mirror(modules string) http.Handler {
	mux := http.NewServeMux()
	m := mirror{os.DirFS(modules)}
	for _, name := range []string{"/{name}", "/{scope}/{name}"} {
		mux.HandleFunc("GET "+name, m.metadata)
		mux.HandleFunc("GET "+name+"/-/{version}", m.tarball)
	}
	return mux
}

// versions returns the folder of each version of the package that is asked for.
func (m mirror) versions(r *http.Request) map[string]string {
	name := path.Join(r.PathValue("scope"), r.PathValue("name"))
	folders := map[string]string{}
	for _, pattern := range []string{"", "*/node_modules", "@*/*/node_modules"} {
		found, _ := fs.Glob(m, path.Join(pattern, name))
		for _, folder := range found {
			if version, ok := m.manifest(folder)["version"].(string); ok {
				folders[version] = folder
			}
		}
	}
	return folders
}

func (m mirror) manifest(folder string) (manifest map[string]any) {
	data, _ := fs.ReadFile(m, path.Join(folder, "package.json"))
	_ = json.Unmarshal(data, &manifest) // nil: no package
	return manifest
}

func (m mirror) metadata(w http.ResponseWriter, r *http.Request) {
	versions, latest := map[string]any{}, ""
	for version, folder := range m.versions(r) {
		manifest := m.manifest(folder)
		manifest["dist"] = map[string]string{"tarball": "http://" + r.Host + r.URL.Path + "/-/" + version + ".tgz"}
		versions[version] = manifest
		latest = cmp.Or(latest, version)
	}
	if len(versions) == 0 {
		http.Error(w, `{"error":"not found"}`, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"name": path.Join(r.PathValue("scope"), r.PathValue("name")), "versions": versions, "dist-tags": map[string]string{"latest": latest},
	})
}

func (m mirror) tarball(w http.ResponseWriter, r *http.Request) {
	folder, ok := m.versions(r)[strings.TrimSuffix(r.PathValue("version"), ".tgz")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	zipped := gzip.NewWriter(w)
	archive := tar.NewWriter(zipped)
	if m.write(archive, folder) == nil { // else the client sees that the end is missing
		_ = archive.Close()
		_ = zipped.Close()
	}
}

// write writes a package without what is installed in it.
func (m mirror) write(archive *tar.Writer, folder string) error {
	return fs.WalkDir(m, folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		data, err := fs.ReadFile(m, name)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: path.Join("package", strings.TrimPrefix(name, folder)), Size: int64(len(data)), Mode: 0o644}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		_, err = archive.Write(data)
		return err
	})
}
