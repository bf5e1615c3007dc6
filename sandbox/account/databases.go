package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/database"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
)

// databases are the account's instances, each a PostgreSQL of the instance's major
// version on this machine.
type databases struct {
	account *Account

	mu        sync.Mutex
	instances map[string]*instance // by resource id.
	down      bool
	lost      map[string]bool // regions.
}

// instance is an aws:rds/instance. One that cannot run here has no server.
type instance struct {
	id, host, secretARN      string
	user, password, database string
	region, resourceID       string
	server                   *postgres.Server
	front                    *database.Front // where tasks log in
	err                      error
	// restorable is the latest time that it can be restored to, replicated that in
	// another region.
	restorable, replicated time.Time
	// final is the snapshot that is taken when it is deleted, "" for none.
	final string
	// retained is whether its automated backups outlive it.
	retained bool
}

func newDatabases(a *Account) *databases {
	return &databases{account: a, instances: map[string]*instance{}, lost: map[string]bool{}}
}

// follow starts instances that are new, and removes those that are gone. It fails
// when one cannot be restored; others that do not run are told.
func (d *databases) follow(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var failures []error
	known := map[string]bool{}
	for _, r := range d.account.each("rds/instance") {
		known[r.ID] = true
		if i := d.instances[r.ID]; i != nil {
			i.final, i.retained = finalSnapshot(r), retainsBackups(r)
			continue
		}
		started, err := d.start(ctx, r)
		if started == nil {
			return err
		}
		d.instances[r.ID] = started
		failures = append(failures, err)
		if started.err != nil && err == nil {
			fmt.Fprintf(d.account.opts.Out, "database %q does not run, so uses are not counted: %v\n", started.id, started.err)
		}
	}
	for id, gone := range d.instances {
		if !known[id] {
			failures = append(failures, d.remove(ctx, id, gone))
		}
	}
	return errors.Join(append(failures, d.takeSnapshots(ctx))...)
}

// start starts an instance. It returns none when the resource cannot be read, and
// an error also when it cannot be restored.
func (d *databases) start(ctx context.Context, r *cloud.Resource) (*instance, error) {
	var spec struct {
		Identifier, Address, Username, DBName, EngineVersion string
		MasterUserSecrets                                    []struct{ SecretARN string }
		SnapshotIdentifier                                   string
		RestoreToPointInTime                                 *point
	}
	if err := decode(r, &spec); err != nil {
		return nil, err
	}
	i := &instance{
		id: spec.Identifier, host: spec.Address, user: spec.Username, password: rand.Text(), database: spec.DBName,
		region: r.Region, resourceID: r.ID, final: finalSnapshot(r), retained: retainsBackups(r),
	}
	for _, secret := range spec.MasterUserSecrets {
		i.secretARN = secret.SecretARN
	}
	if d.lost[i.region] {
		i.err = fmt.Errorf("region %s is lost", i.region)
		return i, i.err
	}
	admin, err := d.adminPassword()
	if err != nil {
		return nil, err
	}
	major, _, _ := strings.Cut(spec.EngineVersion, ".")
	origin, err := d.origin(i, spec.SnapshotIdentifier, spec.RestoreToPointInTime)
	if err == nil {
		i.server, err = postgres.Instance{
			Dir: d.dir(i), Version: major, User: i.user, Password: i.password, Database: i.database,
			AdminPassword: admin, Archive: filepath.Join(d.backups(i), wal), Origin: origin,
		}.Start(ctx)
	}
	if err == nil {
		i.front, err = database.Listen(ctx, database.Options{Admin: i.server.URL(), Region: i.region, SecretKey: d.account.api.Secret})
	}
	if err == nil && !d.hasBackup(i) {
		err = d.backup(ctx, i)
	}
	i.err = err
	if spec.SnapshotIdentifier == "" && spec.RestoreToPointInTime == nil {
		return i, nil
	}
	return i, err
}

// remove ends an instance that is deleted. Its automated backups go with it, unless
// they are to be retained.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html
func (d *databases) remove(ctx context.Context, id string, gone *instance) (err error) {
	if gone.final != "" && gone.server != nil && !d.down && !d.lost[gone.region] {
		err = gone.server.Backup(ctx, d.snapshot(gone.region, gone.final))
	}
	gone.stop()
	delete(d.instances, id)
	if !gone.retained {
		err = errors.Join(err, os.RemoveAll(d.backups(gone)))
	}
	return errors.Join(err, os.RemoveAll(d.dir(gone)))
}

// url is that of the master user, without the password when that is empty.
func (i *instance) url(password string) string {
	return strings.Replace(i.server.UserURL(i.user, password, i.database), i.server.Address(), i.front.Address(), 1)
}

func (i *instance) stop() {
	if i.front != nil {
		i.front.Close()
	}
	if i.server != nil {
		i.server.Stop()
	}
}

// secret is the text of the secret that RDS manages for a master user.
func (d *databases) secret(arn string) (text string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.instances {
		if i.secretARN == arn && i.server != nil {
			login, err := json.Marshal(map[string]string{"username": i.user, "password": i.password, "engine": "postgres"})
			return string(login), err == nil
		}
	}
	return "", false
}

// environment leads a task's variables to where the databases really are, without
// TLS. Those about a database that does not run are left out.
func (d *databases) environment(variables []task.Variable) (led []task.Variable) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range variables {
		about := false
		for _, i := range d.instances {
			here := strings.Contains(v.Value, i.host) || v.Value == i.secretARN && v.Value != ""
			about = about || here && i.front == nil
			if here && i.front != nil {
				v.Value = i.lead(v.Value)
			}
		}
		if !about {
			led = append(led, v)
		}
	}
	return led
}

// secrets leaves out a container's secrets about a database that does not run.
func (d *databases) secrets(all []task.Secret) (kept []task.Secret) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(all), func(s task.Secret) bool {
		value := ""
		for _, by := range []string{"arn", "name"} {
			if parameter := d.account.find("ssm/parameter", by, s.ValueFrom); parameter != nil {
				value = parameterValue(parameter)
			}
		}
		for _, i := range d.instances {
			if i.front == nil && (strings.Contains(value, i.host) || i.secretARN != "" && strings.HasPrefix(s.ValueFrom, i.secretARN)) {
				return true
			}
		}
		return false
	})
}

// led is a secret's text, led to where the databases really are.
func (d *databases) led(text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.instances {
		if i.front != nil {
			text = i.lead(text)
		}
	}
	return text
}

// lead changes the host of a database's URL; any other text stays.
func (i *instance) lead(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() != i.host {
		return text
	}
	u.Host, u.RawQuery = i.front.Address(), "sslmode=disable"
	return u.String()
}

// setDown stops all databases or starts them again, with their data.
func (d *databases) setDown(down bool) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	running := 0
	for _, i := range d.instances {
		switch {
		case i.server == nil || d.lost[i.region]:
			continue
		case down:
			i.server.Stop()
		default:
			err = errors.Join(err, i.server.Start(d.account.ctx))
		}
		running++
	}
	if running == 0 {
		return fmt.Errorf("fault %q: no database runs here", FaultDatabaseDown)
	}
	d.down = down
	return err
}

func (d *databases) faults() (all []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		all = append(all, FaultDatabaseDown)
	}
	for _, region := range slices.Sorted(maps.Keys(d.lost)) {
		all = append(all, FaultRegionDown+":"+region)
	}
	return all
}

func (d *databases) status() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]string{}
	for _, i := range d.instances {
		if i.front != nil {
			all[i.id] = i.url("")
		}
		if i.err != nil {
			all[i.id] = i.err.Error()
		}
	}
	return all
}

func (d *databases) close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.instances {
		i.stop()
	}
}
