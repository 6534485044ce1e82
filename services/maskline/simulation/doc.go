// Package simulation runs the whole pipeline in one goroutine: an event loop with a seeded random source and a clock of
// its own drives the pure cores of all stages, the very ones that the programs run, through crashes, partitions, lost
// answers, repeated and late messages, and trouble of the database.
//
// It promises that a seed always runs the same way, that what the pipeline promises is checked at every step and at the
// end, and that a failing seed prints how to run it again and its history. It never opens a socket, reads a clock or
// starts a goroutine within a seed, and it holds no second copy of a rule that a core has: what it has of its own are the
// queue and the database (queue.go, database.go), the wires (stream.go, client.go, server.go), and thin drivers, each of
// which says which file it mirrors.
//
//	go test ./services/maskline/simulation                                                      2,000 seeds
//	go test ./services/maskline/simulation -run TestSimulation -simulation.seeds=10000           what CI runs
//	go test ./services/maskline/simulation -run TestSimulation -simulation.seed=N -v             one seed, its whole history
package simulation
