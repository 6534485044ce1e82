package rpc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/maskline/maskline/pkg/config"
)

// TLSFiles are the files of mutual TLS between the stages: all three or none. Each stage shows its certificate and
// accepts only peers whose certificate the CA has signed, servers by their name. Certificate and key are read again for
// every handshake, so a renewed certificate needs no restart.
type TLSFiles struct {
	Cert string `env:"MASKLINE_TLS_CERT" help:"Certificate of this stage, PEM; with it the stages speak mutual TLS."`
	Key  string `env:"MASKLINE_TLS_KEY" help:"Private key of the certificate, PEM."`
	CA   string `env:"MASKLINE_TLS_CA" help:"Certificates that the other stages' must be signed by, PEM."`
}

// Enabled says whether TLS was asked for.
func (f TLSFiles) Enabled() bool { return f.Cert != "" }

// Validate implements config.Validator.
func (f TLSFiles) Validate() []config.Complaint {
	given := []struct{ key, value string }{{"MASKLINE_TLS_CERT", f.Cert}, {"MASKLINE_TLS_KEY", f.Key}, {"MASKLINE_TLS_CA", f.CA}}
	var missing []config.Complaint
	for _, g := range given {
		if g.value == "" {
			missing = append(missing, config.Complaint{Key: g.key, Rule: "MASKLINE_TLS_CERT, MASKLINE_TLS_KEY and MASKLINE_TLS_CA are needed together"})
		}
	}
	if len(missing) == len(given) {
		return nil
	}
	if len(missing) == 0 {
		if _, err := f.load(); err != nil {
			missing = append(missing, config.Complaint{Key: "MASKLINE_TLS_CERT", Rule: err.Error()})
		}
	}
	return missing
}

// ownName is the first name in the stage's own certificate: what its own health check asks for.
func (f TLSFiles) ownName() string {
	m, err := f.load()
	if err != nil || len(m.own.Leaf.DNSNames) == 0 {
		return ""
	}
	return m.own.Leaf.DNSNames[0]
}

// server demands a certificate of every client. It is nil without files.
func (f TLSFiles) server() *tls.Config {
	if !f.Enabled() {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			m, err := f.load()
			if err != nil {
				return nil, err
			}
			return &tls.Config{
				MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.own}, ClientCAs: m.ca,
				ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"},
			}, nil
		},
	}
}

// client shows the certificate and holds the server's against the CA and the name that it was asked for by.
func (f TLSFiles) client(serverName string) (*tls.Config, error) {
	m, err := f.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: m.ca, ServerName: serverName,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			m, err := f.load()
			return &m.own, err
		},
	}, nil
}

type material struct {
	own tls.Certificate
	ca  *x509.CertPool
}

func (f TLSFiles) load() (m material, err error) {
	if m.own, err = tls.LoadX509KeyPair(f.Cert, f.Key); err != nil {
		return m, fmt.Errorf("certificate: %w", err)
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return m, fmt.Errorf("MASKLINE_TLS_CA: %w", err)
	}
	m.ca = x509.NewCertPool()
	if !m.ca.AppendCertsFromPEM(pem) {
		return m, errors.New("MASKLINE_TLS_CA: no certificate in " + f.CA)
	}
	return m, nil
}
