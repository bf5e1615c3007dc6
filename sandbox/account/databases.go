package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/ferg-cod3s/codeflow-infrastructure/internal/postgres"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/runtime/task"
	"github.com/ferg-cod3s/codeflow-infrastructure/server/database"
)

// databases are the account's instances, each a PostgreSQL of this machine when it
// has one.
type databases struct {
	account *Account

	mu        sync.Mutex
	instances map[string]*instance // by resource id.
	down      bool
}

// instance is an aws:rds/instance. One that cannot run here has no server.
type instance struct {
	id, host, secretARN      string
	user, password, database string
	server                   *postgres.Server
	err                      error
}

func newDatabases(a *Account) *databases {
	return &databases{account: a, instances: map[string]*instance{}}
}

// follow starts instances that are new, and removes those that are gone.
func (d *databases) follow(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := map[string]bool{}
	for _, r := range d.account.each("rds/instance") {
		known[r.ID] = true
		if d.instances[r.ID] != nil {
			continue
		}
		started, err := d.start(ctx, r)
		if err != nil {
			return err
		}
		d.instances[r.ID] = started
		if started.err != nil {
			fmt.Fprintf(d.account.opts.Out, "database %q does not run, so uses are not counted: %v\n", started.id, started.err)
		}
	}
	for id, gone := range d.instances {
		if !known[id] {
			gone.stop()
			delete(d.instances, id)
			if err := os.RemoveAll(d.account.path("databases", id)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *databases) start(ctx context.Context, r *cloud.Resource) (*instance, error) {
	var spec struct {
		Identifier, Address, Username, DBName string
		MasterUserSecrets                     []struct{ SecretARN string }
	}
	if err := decode(r, &spec); err != nil {
		return nil, err
	}
	i := &instance{id: spec.Identifier, host: spec.Address, user: spec.Username, password: rand.Text(), database: spec.DBName}
	for _, secret := range spec.MasterUserSecrets {
		i.secretARN = secret.SecretARN
	}
	i.server, i.err = postgres.Instance{
		Dir: d.account.path("databases", r.ID), User: i.user, Password: i.password, Database: i.database,
	}.Start(ctx)
	if i.err == nil {
		// What an operator does once, as a task of the new image.
		i.err = database.Migrate(ctx, database.Config{URL: i.url()}, []string{"up"}, io.Discard)
	}
	return i, nil
}

func (i *instance) url() string { return i.server.UserURL(i.user, i.password, i.database) }

func (i *instance) stop() {
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
			about = about || here && i.server == nil
			if here && i.server != nil {
				v.Value = i.lead(v.Value)
			}
		}
		if !about {
			led = append(led, v)
		}
	}
	return led
}

// lead changes the host of a database's URL; any other text stays.
func (i *instance) lead(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() != i.host {
		return text
	}
	u.Host, u.RawQuery = i.server.Address(), "sslmode=disable"
	return u.String()
}

// setDown stops all databases or starts them again, with their data.
func (d *databases) setDown(down bool) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	running := 0
	for _, i := range d.instances {
		switch {
		case i.server == nil:
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

func (d *databases) faults() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down {
		return []string{FaultDatabaseDown}
	}
	return nil
}

func (d *databases) status() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[string]string{}
	for _, i := range d.instances {
		if i.server != nil {
			all[i.id] = i.server.UserURL(i.user, "", i.database)
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
