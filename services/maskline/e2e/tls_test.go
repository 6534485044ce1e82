package e2e

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/rpc"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/writer"
)

// Each stage has a certificate of its own, and the others are found by name: a certificate names no address.
func TestTLS_MessagesFlowThroughThreeStagesThatShowCertificates(t *testing.T) {
	t.Parallel()
	const n = 500
	s := start(t, options{none: true})
	authority := testkit.NewAuthority(t)
	files := func() rpc.TLSFiles {
		cert, key := authority.Issue(t, "localhost")
		return rpc.TLSFiles{Cert: cert, Key: key, CA: authority.File}
	}

	writing := s.writerConfig(t, "127.0.0.1:0")
	writing.TLS = files()
	w, err := writer.New(writing, writer.Deps{Logger: s.log(t, "writer")})
	if err != nil {
		t.Fatal(err)
	}
	running := run(w)
	t.Cleanup(func() { running.end(t) })

	masking := masker.Config{KeyFile: s.key, Listen: "127.0.0.1:0", WriterAddress: byName(t, w.Addr()), TLS: files()}
	defaults(t, &masking)
	m, err := masker.New(masking, masker.Deps{Logger: s.log(t, "masker")})
	if err != nil {
		t.Fatal(err)
	}
	between := run(m)
	t.Cleanup(func() { between.end(t) })

	fetching := fetcher.Config{Queue: s.queue.URL(source), Listen: "127.0.0.1:0", WaitTime: time.Second, MaskerAddress: byName(t, m.Addr()), TLS: files()}
	defaults(t, &fetching)
	f, err := fetcher.New(fetching, fetcher.Deps{Logger: s.log(t, "fetcher")})
	if err != nil {
		t.Fatal(err)
	}
	first := run(f)
	t.Cleanup(func() { first.end(t) })

	s.send(t, 0, n)
	s.awaitEmpty(t)
	s.expectRows(t, n)
	for _, address := range []string{f.Addr(), m.Addr(), w.Addr()} {
		if answers(t, address, rpc.DialConfig{}) {
			t.Errorf("%s answers without a certificate", address)
		}
		shown := rpc.DialConfig{TLS: files(), ServerName: "localhost"}
		testkit.Eventually(t, patience, func() bool { return answers(t, address, shown) }, address+" answers who shows a certificate")
	}
}

func byName(t *testing.T, address string) []string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return []string{net.JoinHostPort("localhost", port)}
}

func answers(t *testing.T, address string, cfg rpc.DialConfig) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return rpc.Health(ctx, address, cfg) == nil
}
