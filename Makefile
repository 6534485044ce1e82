# Every target is one line of what you would type; .ci/run holds the checks and says what each of them is.
.DEFAULT_GOAL := help
MODULES = $(shell go work edit -json | sed -n 's/.*"DiskPath": "\(.*\)".*/\1/p')

.PHONY: help
help: ## Show this page
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1#\2/p' $(MAKEFILE_LIST) | awk -F'#' '{printf "%-24s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## Run the whole pipeline here, on sample messages, and clean up
	go run ./services/maskline demo

.PHONY: test
test: ## Run every test
	go test work

.PHONY: race
race: ## Run every test under the race detector
	go test -race work

.PHONY: fuzz
fuzz: ## Fuzz every target for a number of runs (FUZZ_RUNS=3000)
	@bash .ci/run fuzz

.PHONY: bench
bench: ## Run every benchmark
	go test -run '^$$' -bench . -benchmem work

.PHONY: guarantees
guarantees: ## Break each promise of docs/guarantees.md, and see its test fail
	go run .ci/guarantees.go

.PHONY: simulation
simulation: ## Run 10,000 seeds of the simulation (SIMULATION_SEEDS=10000)
	@bash .ci/run simulation

.PHONY: chaos
chaos: ## Run the whole reliability card (half an hour) and write docs/results (CHAOS='-scenario kills')
	go run ./services/maskline/chaos/cmd/chaos -out docs/results $(CHAOS)

.PHONY: safeguards
safeguards: ## Take every safeguard away, one at a time, and write what noticed to docs/results/safeguards.md
	go run .ci/guarantees.go -table docs/results/safeguards.md

.PHONY: fmt
fmt: tools ## Format Go and protos
	bin/golangci-lint fmt
	bin/buf format -w

.PHONY: lint
lint: ## Lint Go and protos, formats and generated code included (mended by: fmt, fix, generate)
	@bash .ci/run lint proto

.PHONY: fix
fix: tools ## Let the linters mend what they can
	bin/golangci-lint run --fix $(addsuffix /...,$(MODULES))

.PHONY: generate
generate: tools ## Write proto/gen from the protos, docs/telemetry.md from the list in pkg/telemetry
	bin/buf generate
	go test ./pkg/telemetry -run '^TestPage_' -update

.PHONY: tidy
tidy: ## Give all modules the same versions, and tidy each
	go work sync
	@set -e; for m in $(MODULES); do GOWORK=off go -C $$m mod tidy; done

.PHONY: modules
modules: ## Build, vet and test every module with GOWORK=off; is it tidy (mended by: tidy)
	@bash .ci/run modules

.PHONY: verify
verify: ## Run all checks but race and fuzz
	@bash .ci/run lint proto modules

.PHONY: ci
ci: ## Run what CI runs
	@bash .ci/run

.PHONY: tools
tools: ## Build the pinned tools into bin/, unless they are there
	@bash .ci/tools

.PHONY: clean
clean: ## Remove bin/
	rm -rf bin
