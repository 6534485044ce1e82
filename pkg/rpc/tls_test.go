package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for tests.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(a.dir, "ca.pem"), "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// issue makes the files of one stage.
func (a *authority) issue(t *testing.T, name string) TLSFiles {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := TLSFiles{
		Cert: filepath.Join(a.dir, name+".pem"), Key: filepath.Join(a.dir, name+".key"), CA: filepath.Join(a.dir, "ca.pem"),
	}
	writePEM(t, files.Cert, "CERTIFICATE", der)
	writePEM(t, files.Key, "PRIVATE KEY", private)
	return files
}

// serveTLS runs a healthy server and returns its address.
func serveTLS(t *testing.T, files TLSFiles) string {
	t.Helper()
	s, err := NewServer(Config{Listen: "127.0.0.1:0", TLS: files})
	if err != nil {
		t.Fatal(err)
	}
	s.SetServing("", true)
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Stop(ctx)
		<-done
	})
	return s.Addr()
}

func TestTLS_BothSidesShowACertificateOfTheSameAuthority(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	masker, fetcher := a.issue(t, "masker"), a.issue(t, "fetcher")
	address := serveTLS(t, masker)
	foreign := newAuthority(t).issue(t, "fetcher")
	mixed := foreign
	mixed.CA = fetcher.CA // trusts the server, and is not trusted by it
	for name, c := range map[string]struct {
		cfg  DialConfig
		want string
	}{
		"both":                        {DialConfig{TLS: fetcher, ServerName: "masker"}, ""},
		"another name":                {DialConfig{TLS: fetcher, ServerName: "writer"}, "not writer"},
		"a server of another CA":      {DialConfig{TLS: foreign, ServerName: "masker"}, "unknown authority"},
		"a client of another CA":      {DialConfig{TLS: mixed, ServerName: "masker"}, "health"},
		"a client without encryption": {DialConfig{Plaintext: true}, "health"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := Health(ctx, address, c.cfg)
		cancel()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := OwnHealth(t.Context(), []string{"health"}, address, masker); err != nil {
		t.Errorf("own health: %v", err)
	}
}

func TestTLSFiles_AreNeededTogetherAndMustBeReadable(t *testing.T) {
	t.Parallel()
	whole := newAuthority(t).issue(t, "masker")
	if c := (TLSFiles{}).Validate(); c != nil {
		t.Errorf("no files: %v", c)
	}
	if c := whole.Validate(); c != nil {
		t.Errorf("all files: %v", c)
	}
	part := whole
	part.Key = ""
	if c := part.Validate(); len(c) != 1 || c[0].Key != "MASKLINE_TLS_KEY" {
		t.Errorf("no key: %v", c)
	}
	broken := whole
	broken.CA = whole.Key
	if c := broken.Validate(); len(c) != 1 || !strings.Contains(c[0].Rule, "MASKLINE_TLS_CA") {
		t.Errorf("no CA: %v", c)
	}
}
