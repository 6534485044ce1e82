//go:build race

package e2e

// raced says that this test binary, and with it the queue, is slowed down by the race detector.
const raced = true
