package account

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ferg-cod3s/codeflow-infrastructure/sandbox/cloud"
)

// validity of the authority and of what it signs, and how long before its end it is
// made anew.
const validity, renewal = 365 * 24 * time.Hour, 30 * 24 * time.Hour

// authority signs what stands for ACM's certificates. It is kept in a folder, so
// that a client may trust it for longer than a run.
type authority struct {
	file        string // its certificate, PEM.
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey

	mu     sync.Mutex
	issued map[string]*tls.Certificate // by ARN.
}

// openAuthority reads the authority of a folder, or makes it.
func openAuthority(dir string) (*authority, error) {
	a := &authority{file: filepath.Join(dir, "ca.pem"), issued: map[string]*tls.Certificate{}}
	err := a.read()
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Until(a.certificate.NotAfter) < renewal {
		if err = a.make(); err == nil {
			err = a.read()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the certificate authority %q (remove it to make another): %w", a.file, err)
	}
	return a, nil
}

func (a *authority) keyFile() string { return a.file[:len(a.file)-len(".pem")] + ".key" }

func (a *authority) read() error {
	pair, err := tls.LoadX509KeyPair(a.file, a.keyFile())
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("its key must be ECDSA")
	}
	a.certificate, a.key = pair.Leaf, key
	return nil
}

func (a *authority) make() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := template("CodeFlow sandbox")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(a.file), 0o755); err != nil {
		return err
	}
	return errors.Join( // the certificate last: it is what is looked for.
		os.WriteFile(a.keyFile(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600),
	)
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // the reader never fails.
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity),
	}
}

// issue returns the certificate of an aws:acm/certificate.
func (a *authority) issue(r *cloud.Resource) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if issued := a.issued[r.ID]; issued != nil {
		return issued, nil
	}
	var names struct {
		DomainName              string
		SubjectAlternativeNames []string
	}
	if err := decode(r, &names); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := template(names.DomainName)
	template.DNSNames = append([]string{names.DomainName}, names.SubjectAlternativeNames...)
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	signed, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("signing certificate %q: %w", r.ID, err)
	}
	a.issued[r.ID] = &tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
	return a.issued[r.ID], nil
}
