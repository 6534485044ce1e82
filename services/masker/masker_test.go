package masker

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	maskerv1 "github.com/maskline/maskline/proto/gen/maskline/masker/v1"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

const (
	goodBody = `{"user_id":"u1","app_version":"2.3.0","device_type":"ios","ip":"203.0.113.7","locale":null,"device_id":"593-47-5928"}`
	badBody  = `{"user_id":"u1"`
	testKey  = `{"version":1,"keys":[{"id":"k1","state":"primary","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`
)

// stubWriter takes every schema, grants credit, and answers each batch as the test says.
type stubWriter struct {
	writerv1.UnimplementedWriterServiceServer

	answer func(batch *writerv1.MaskedBatch) *relayv1.Reply // nil: the stream breaks
}

func (w *stubWriter) Write(stream grpc.BidiStreamingServer[writerv1.WriteRequest, writerv1.WriteResponse]) error {
	if request, err := stream.Recv(); err != nil || request.GetSchema() == nil {
		return status.Error(codes.InvalidArgument, "no schema")
	}
	say := func(r *relayv1.Reply) { _ = stream.Send(&writerv1.WriteResponse{Reply: r}) }
	say(&relayv1.Reply{Message: &relayv1.Reply_Heartbeat{Heartbeat: &relayv1.Heartbeat{State: relayv1.State_STATE_WORKING}}})
	say(&relayv1.Reply{Message: &relayv1.Reply_Credit{Credit: &relayv1.Credit{Records: 10_000, Bytes: 1 << 30}}})
	for {
		request, err := stream.Recv()
		if err != nil {
			return nil //nolint:nilerr // the masker has closed
		}
		reply := w.answer(request.GetBatch())
		if reply == nil {
			return status.Error(codes.Unavailable, "cut")
		}
		say(reply)
	}
}

func settled(s *relayv1.Settlement) *relayv1.Reply {
	return &relayv1.Reply{Message: &relayv1.Reply_Settlement{Settlement: s}}
}

// bundle is a running masker with a stub for its writer and an open stream to it.
type bundle struct {
	client maskerv1.MaskerServiceClient
	stream grpc.BidiStreamingClient[maskerv1.MaskRequest, maskerv1.MaskResponse]
}

func start(t *testing.T, answer func(*writerv1.MaskedBatch) *relayv1.Reply, change func(*Config)) *bundle {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	writer := grpc.NewServer()
	writerv1.RegisterWriterServiceServer(writer, &stubWriter{answer: answer})
	var running sync.WaitGroup
	running.Go(func() { _ = writer.Serve(listener) })

	key := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(key, []byte(testKey), 0o400); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Mapping: "login", KeyFile: key, WriterAddress: []string{listener.Addr().String()}, Listen: "127.0.0.1:0",
		MaxInFlightBytes: 64 << 20, ShutdownGrace: 5 * time.Second,
	}
	if change != nil {
		change(&cfg)
	}
	m, err := New(cfg, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	running.Go(func() { _ = m.Run(ctx) })
	conn, err := grpc.NewClient("passthrough:///"+m.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{client: maskerv1.NewMaskerServiceClient(conn)}
	if b.stream, err = b.client.Mask(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.stream.CloseSend()
		_ = conn.Close()
		cancel()
		writer.Stop()
		running.Wait()
	})
	return b
}

func (b *bundle) send(t *testing.T, id uint64, bodies ...string) {
	t.Helper()
	batch := &maskerv1.RawBatch{BatchId: id, Queue: "logins"}
	for _, body := range bodies {
		batch.Events = append(batch.Events, &maskerv1.RawEvent{Body: []byte(body), EventId: make([]byte, 16), SentAtMs: 1_700_000_000_000})
	}
	if err := b.stream.Send(&maskerv1.MaskRequest{Batch: batch}); err != nil {
		t.Fatal(err)
	}
}

// next returns the next reply that is not credit or a heartbeat.
func (b *bundle) next(t *testing.T) *relayv1.Reply {
	t.Helper()
	for {
		response, err := b.stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		switch response.GetReply().GetMessage().(type) {
		case *relayv1.Reply_Credit, *relayv1.Reply_Heartbeat:
		default:
			return response.GetReply()
		}
	}
}

func (b *bundle) awaitCredit(t *testing.T) {
	t.Helper()
	for {
		response, err := b.stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if response.GetReply().GetCredit() != nil {
			return
		}
	}
}

func TestMasker_OneBadRecordDoesNotFailItsBatch(t *testing.T) {
	t.Parallel()
	b := start(t, func(batch *writerv1.MaskedBatch) *relayv1.Reply {
		return settled(allCommitted(batch.GetBatchId(), batch.GetRecordCount()))
	}, nil)
	b.awaitCredit(t)
	b.send(t, 5, goodBody, badBody, goodBody)
	s := b.next(t).GetSettlement()
	if s.GetBatchId() != 5 || string(s.GetVerdicts()) != "\x01\x04\x01" {
		t.Fatalf("settlement %v", s)
	}
	if r := s.GetRejections(); len(r) != 1 || r[0].GetIndex() != 1 || r[0].GetReason() != "not_json" || r[0].GetStage() != "masker" {
		t.Errorf("rejections %v", r)
	}
}

func TestMasker_ABatchWithNoRowsIsSettledWithoutAWriter(t *testing.T) {
	t.Parallel()
	b := start(t, func(*writerv1.MaskedBatch) *relayv1.Reply { t.Error("a batch reached the writer"); return nil }, nil)
	b.awaitCredit(t)
	b.send(t, 1, badBody)
	if s := b.next(t).GetSettlement(); string(s.GetVerdicts()) != "\x04" {
		t.Errorf("settlement %v", s)
	}
}

func TestMasker_WhatABrokenWriterStreamCarriedIsHandedBack(t *testing.T) {
	t.Parallel()
	var once sync.Once
	b := start(t, func(batch *writerv1.MaskedBatch) *relayv1.Reply {
		reply := settled(allCommitted(batch.GetBatchId(), batch.GetRecordCount()))
		once.Do(func() { reply = nil })
		return reply
	}, nil)
	b.awaitCredit(t)
	b.send(t, 1, goodBody, badBody)
	if r := b.next(t).GetResend(); r.GetBatchId() != 1 {
		t.Fatalf("reply %v, want batch 1 handed back", r)
	}
	b.send(t, 2, goodBody)
	if s := b.next(t).GetSettlement(); s.GetBatchId() != 2 || s.GetAllCommitted() == nil {
		t.Errorf("after the writer is back: %v", s)
	}
}

func TestMasker_ASettlementWithAWrongCountHandsTheBatchBack(t *testing.T) {
	t.Parallel()
	b := start(t, func(batch *writerv1.MaskedBatch) *relayv1.Reply {
		return settled(allCommitted(batch.GetBatchId(), batch.GetRecordCount()+1))
	}, nil)
	b.awaitCredit(t)
	b.send(t, 1, goodBody)
	if r := b.next(t).GetResend(); r.GetBatchId() != 1 {
		t.Errorf("reply %v, want batch 1 handed back", r)
	}
}

func TestMasker_ABatchThatNoFetcherSendsEndsTheStream(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	b.awaitCredit(t)
	b.send(t, 1)
	for {
		if _, err := b.stream.Recv(); err != nil {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("status %v", err)
			}
			return
		}
	}
}

func TestMasker_PreviewIsRefusedUnlessSwitchedOn(t *testing.T) {
	t.Parallel()
	b := start(t, nil, nil)
	request := &maskerv1.PreviewRequest{Event: &maskerv1.RawEvent{Body: []byte(goodBody)}}
	_, err := b.client.Preview(t.Context(), request)
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "MASKLINE_PREVIEW") {
		t.Errorf("status %v", err)
	}
}

func TestMasker_PreviewShowsTheRow(t *testing.T) {
	t.Parallel()
	b := start(t, nil, func(c *Config) { c.Preview = true })
	request := &maskerv1.PreviewRequest{Event: &maskerv1.RawEvent{Body: []byte(goodBody), SentAtMs: 1_700_000_000_000}}
	response, err := b.client.Preview(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	row := map[string]string{}
	for _, c := range response.GetColumns() {
		row[c.GetName()] = c.GetValue()
		if c.GetIsNull() {
			row[c.GetName()] = "NULL"
		}
	}
	if row["user_id"] != "u1" || row["app_version"] != "2003000" || row["create_date"] != "2023-11-14" || row["locale"] != "NULL" ||
		!strings.HasPrefix(row["masked_ip"], "h1.k1.") || strings.Contains(response.String(), "203.0.113.7") {
		t.Errorf("row %v", row)
	}
}

func TestNew_RefusesAKeyedMappingWithoutAKey(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Mapping: "login", Listen: "127.0.0.1:0"}, Deps{Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "MASKLINE_KEY_FILE") {
		t.Errorf("error %v", err)
	}
}
