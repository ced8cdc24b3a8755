# Heraut. `make` lists what there is to do.
.DEFAULT_GOAL := help
SHELL := /bin/bash
GO ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## build the one binary, static: ./heraut
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o heraut ./cmd/heraut

.PHONY: demo
demo: ## rehearse the INNOvember programme on embedded parts
	$(GO) run ./cmd/heraut demo

.PHONY: deps
deps: ## install what the tests need (as root), or say what is missing
	@.ci/deps test

.PHONY: test
test: deps ## run all tests against real servers that the tests start
	$(GO) test -tags faults ./worker/fault
	$(GO) test -shuffle=on -timeout 15m ./...

.PHONY: race
race: deps ## run all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race -timeout 30m ./...

.PHONY: faults
faults: deps ## inject faults into real processes; writes FAULTS.md (half an hour or more)
	$(GO) run ./cmd/faults -seed 1 -out FAULTS.md

.PHONY: bench
bench: ## measure against smtp-source and bare databases; writes BENCHMARKS.md (an hour or more)
	@.ci/deps bench
	$(GO) run ./cmd/bench -out BENCHMARKS.md

.PHONY: bench-go
bench-go: deps ## run the Go benchmarks: plan, render, fill, claim, record
	$(GO) test -run '^$$' -bench . -benchmem ./...

.PHONY: generate
generate: ## compile the mail layout from its MJML source (needs node and npm)
	@.ci/deps generate
	sh templates/generate.sh

.PHONY: verify
verify: ## vet, staticcheck, gofmt, tidy go.mod, generated files unchanged
	@.ci/deps generate
	$(GO) vet ./...
	$(GO) vet -tags faults ./worker/fault ./cmd/heraut
	$(GO) run $(STATICCHECK) ./...
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { printf 'not gofmt-ed, run gofmt -w: %s\n' $$files >&2; exit 1; }
	$(GO) mod tidy -diff
	.ci/generated-unchanged
