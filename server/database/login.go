package database

import (
	"encoding/json"
	"errors"
	"fmt"
)

// login is a user and a password in the format of the secrets of RDS:
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
type login struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// parseLogin reads a login that is not the server's. Its errors have no part of
// the text, which is a secret.
func parseLogin(text, server string) (login, error) {
	var l login
	if json.Unmarshal([]byte(text), &l) != nil || l.Username == "" || l.Password == "" {
		return login{}, errors.New(`database login: must be JSON with "username" and "password", as RDS writes its secret`)
	}
	if server == "" || server == l.Username {
		return login{}, fmt.Errorf("database URL: must have the server's user, who is not %q of the login: write postgres://user@host:5432/name", l.Username)
	}
	return l, nil
}
