// Package chaos is the reliability card: traffic × faults × ledger. Each scenario runs the real programs as processes
// against a real Postgres and the embedded queue, breaks something, and holds every message that was sent against what
// became of it.
//
// It promises that a card which passes has had its faults: each is counted with its time, its process and what that
// process held, and too few of them fail the scenario. It works on loopback, in a folder of its own, with processes that
// it started; it leaves none of them behind. It is never linked into a program of the product.
package chaos
