package fetcher

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTroubles_WhatFlickersIsTwoLinesInTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		troubles := newTroubles(slog.New(slog.NewTextHandler(&log, nil)))
		for range 1000 { // 20 seconds
			troubles.set(t.Context(), "queue", "500")
			if !troubles.has("queue") || troubles.text() != "500" {
				t.Fatal("the trouble is not noted")
			}
			troubles.clear("queue")
			if troubles.has("queue") {
				t.Fatal("the trouble is not over")
			}
			time.Sleep(20 * time.Millisecond)
		}
		if holding, mended := strings.Count(log.String(), "holding"), strings.Count(log.String(), "mended trouble"); holding != 2 || mended != 2 {
			t.Errorf("%d lines of trouble and %d of its end:\n%s", holding, mended, log.String())
		}
	})
}
