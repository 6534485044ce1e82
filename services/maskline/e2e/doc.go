// Package e2e tests the whole: real gRPC, a real Postgres, the embedded queue with its faults. It holds tests only; the
// promises that they keep are listed in docs/guarantees.md.
package e2e
