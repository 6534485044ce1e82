package rpc

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/testkit"
)

// issue makes the files of one stage.
func issue(t *testing.T, a *testkit.Authority, name string) TLSFiles {
	t.Helper()
	cert, key := a.Issue(t, name)
	return TLSFiles{Cert: cert, Key: key, CA: a.File}
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
	a := testkit.NewAuthority(t)
	masker, fetcher := issue(t, a, "masker"), issue(t, a, "fetcher")
	address := serveTLS(t, masker)
	foreign := issue(t, testkit.NewAuthority(t), "fetcher")
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
	whole := issue(t, testkit.NewAuthority(t), "masker")
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
