package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func sendCommand() command {
	return command{
		name:  "send",
		brief: "send messages of a file, or samples, to a queue",
		summary: "Sends messages to MASKLINE_QUEUE: those of a file, or generated sample logins, of which every hundredth is " +
			"malformed. It prints how many were sent. With --ledger it also writes, as they are sent, what must become of them, for " +
			"maskline reconcile; generated logins then have raw values that can be recognised wherever they leak. A ledger holds " +
			"ids and masked values. The AWS_* settings of the environment hold, AWS_ENDPOINT_URL_SQS included.",
		run: send,
	}
}

// input is what demo and send have in common.
type input struct {
	Messages int    `flag:"messages" min:"1" max:"10000000" help:"Send so many generated sample logins."`
	File     string `flag:"file" help:"Send the messages of this file instead: one JSON array, or one message a line; gzip is fine."`
	Seed     int64  `flag:"seed" default:"1" help:"Seed of the samples: equal seeds give equal samples."`
}

// read makes or reads the messages; otherwise is how many samples if nobody says how many.
func (in input) read(otherwise int) ([]traffic.Message, error) {
	switch {
	case in.File != "" && in.Messages != 0:
		return nil, usage("--file and --messages: choose one")
	case in.File != "":
		messages, err := traffic.ReadFile(in.File)
		if err != nil {
			return nil, usage("--file: %w", err)
		}
		return messages, nil
	case in.Messages == 0:
		in.Messages = otherwise
	}
	return traffic.Samples(in.Messages, uint64(in.Seed)), nil
}

type sendSettings struct {
	Queue   string `env:"MASKLINE_QUEUE" required:"true" help:"Queue to send to: a name or a URL."`
	Input   input
	Rate    int    `flag:"rate" default:"0" min:"0" max:"100000" help:"Messages a second; 0 is as many as the queue takes."`
	Yes     bool   `flag:"yes" help:"Send also to a queue that is not on this machine."`
	Ledger  string `flag:"ledger" help:"Write what must become of the messages to this file, which must not exist."`
	KeyFile string `env:"MASKLINE_KEY_FILE" help:"The masker's key file, for --ledger."`
	Mapping string `env:"MASKLINE_MAPPING" default:"login" help:"The masker's mapping, for --ledger: login, login-joinable or login-original."`
	Bad     string `flag:"bad" help:"Share of generated logins that must not become a row, for example 20%. Default: every hundredth."`
	Refused string `flag:"bad-in-postgres" help:"Share of the bad ones that only Postgres refuses, for example 25%. The table needs CHECK (device_type <> 'fax')."`

	bad, refused float64
}

// Validate reads the shares.
func (s *sendSettings) Validate() (complaints []config.Complaint) {
	for _, one := range []struct {
		name, text string
		share      *float64
	}{{"--bad", s.Bad, &s.bad}, {"--bad-in-postgres", s.Refused, &s.refused}} {
		if one.text == "" {
			continue
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(one.text, "%"), 64)
		if err != nil || !(percent >= 0 && percent <= 100) || !strings.HasSuffix(one.text, "%") {
			complaints = append(complaints, config.Complaint{Key: one.name, Value: one.text, Rule: "a share from 0% to 100%"})
		}
		*one.share = percent / 100
	}
	if (s.Bad != "" || s.Refused != "") && s.Input.File != "" {
		complaints = append(complaints, config.Complaint{Key: "--file", Rule: "the messages of a file are as they are: without --bad and --bad-in-postgres"})
	}
	return complaints
}

// messages are those of a file, samples, or a blend with canaries.
func (s *sendSettings) messages() ([]traffic.Message, error) {
	const usual = 0.01
	if s.Input.File != "" || s.Ledger == "" && s.Bad == "" && s.Refused == "" {
		return s.Input.read(0)
	}
	if s.Bad == "" {
		s.bad = usual
	}
	return traffic.Blend{Messages: s.Input.Messages, Seed: uint64(s.Input.Seed), Bad: s.bad, Refused: s.refused}.Generate(), nil
}

func send(ctx context.Context, cmd command, c call) error {
	var s sendSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	if s.Input.File == "" && s.Input.Messages == 0 {
		return usage("maskline send: say what to send: --file FILE or --messages N")
	}
	messages, err := s.messages()
	if err != nil {
		return named(cmd, err)
	}
	if local, where := fetcher.Endpoint(s.Queue); !local && !s.Yes {
		return usage("maskline send: %s is not on this machine; add --yes to send %d messages there", where, len(messages))
	}
	book, err := s.openLedger()
	if err != nil {
		return named(cmd, err)
	}
	queue, err := traffic.Open(ctx, s.Queue)
	if err != nil {
		return named(cmd, errors.Join(err, book.close()))
	}
	sent := 0
	err = traffic.SendEach(ctx, queue.Client, queue.URL, messages, s.Rate, func(i int, id string) error {
		sent++
		return book.write(id, messages[i])
	})
	err = errors.Join(err, book.close())
	_, printed := fmt.Fprintf(c.stdout, "sent %d of %d\n", sent, len(messages))
	return named(cmd, errors.Join(err, printed))
}
