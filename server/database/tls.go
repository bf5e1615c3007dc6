package database

import (
	"crypto/x509"
	_ "embed"
	"sync"
)

//go:embed rds-global-bundle.pem
var rdsBundle []byte

// rdsAuthorities are those that sign the certificates of RDS. They are parsed
// on the first call.
var rdsAuthorities = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(rdsBundle)
	return pool
})
