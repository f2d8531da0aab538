# The first commands: `make demo` and `make test`. Versions of tools are pinned
# in test/tools/install; Go's libraries in go.mod.
GO      ?= go
FUZZ    ?= 20s
LDFLAGS := -s -w

.PHONY: build demo test lint bench fuzz tools clean

build: ## programs into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## publish real wheels, serve them, install them with pip and uv; REGISTRY=HOST:PORT/REPO uses a registry
	test/tools/install demo
	REGISTRY='$(REGISTRY)' test/demo/demo

test: build ## every test that can run here; E2E_REQUIRE=1 makes a missing tool a failure
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...

lint: ## static checks
	test/tools/install lint
	.tools/bin/golangci-lint run ./...

bench: build ## benchmarks beside what one would use instead; prints ratios
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 40m ./test/bench/

fuzz: ## each fuzz target for FUZZ
	@set -e; for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZ) $$p; done; done

tools: ## everything that tests drive, below .tools/
	test/tools/install all

clean:
	rm -rf bin demo
