package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/rds/auth"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tokenTimeout bounds the finding of credentials: a connection of the pool does
// not end with the operation that needs it.
const tokenTimeout = 5 * time.Second

// rdsHost is the name of an instance or cluster of RDS, and has its region.
var rdsHost = regexp.MustCompile(`\.([a-z0-9-]+)\.rds\.amazonaws\.com$`)

// tokens makes the passwords of connections: tokens of IAM database
// authentication, good for the 15 minutes in which a connection may be made.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
type tokens struct {
	mu  sync.Mutex
	aws *aws.Config // nil before the first connection
}

// beforeConnect gives a new connection its password.
func (t *tokens) beforeConnect(ctx context.Context, conn *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	token, err := t.token(ctx, conn.Host, conn.Port, conn.User)
	if err != nil {
		return fmt.Errorf("signing a token of IAM for the database: %w", err)
	}
	conn.Password = token
	return nil
}

func (t *tokens) token(ctx context.Context, host string, port uint16, user string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.aws == nil {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return "", err
		}
		t.aws = &cfg
	}
	region := t.aws.Region
	if name := rdsHost.FindStringSubmatch(host); name != nil {
		region = name[1]
	}
	if region == "" {
		return "", errors.New("the region is not known: set AWS_REGION")
	}
	return auth.BuildAuthToken(ctx, net.JoinHostPort(host, strconv.Itoa(int(port))), region, user, t.aws.Credentials)
}

// checkIAM makes sure that a token can be good for every host that may be tried.
func checkIAM(cfg *pgconn.Config, user string) error {
	network, _ := pgconn.NetworkAddress(cfg.Host, cfg.Port)
	several := false
	for _, fallback := range cfg.Fallbacks {
		several = several || fallback.Host != cfg.Host || fallback.Port != cfg.Port
	}
	if user == "" || network == "unix" || several {
		return errors.New("database URL: must have a user and exactly one host when IAM signs the passwords: write postgres://user@host:5432/name")
	}
	return nil
}
