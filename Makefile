# `make` lists the targets. Each installs first what it needs; toolchain/setup.sh is quiet when there is nothing to do.

.DEFAULT_GOAL := help

# An environment that forbids bytecode caches doubles every start of ape.
unexport PYTHONDONTWRITEBYTECODE
export VIRTUAL_ENV := $(CURDIR)/.venv
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)
# Where py-solc-x, and through it ape, finds the compiler.
export SOLCX_BINARY_PATH := $(VIRTUAL_ENV)/solcx

PYTEST := python -m pytest -p no:ape_test

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: compile ## the story on a real node, told in the terminal; INPUT=file.csv replays a recording of your own
	@ape run demo $(if $(INPUT),--input "$(INPUT)")

.PHONY: test
test: compile ## all tests: the fast tier on every core, then what needs ape and a real node
	$(PYTEST) -n auto --ignore tests/integration
	ape test tests/integration

.PHONY: lint
lint: setup ## style, types, and whether the committed ABIs are those of the contracts
	ruff check .
	ruff format --check .
	mypy
	forge fmt --check
	python -m goldthread.build --check-abis
	python -m toolchain.catalogue --check

.PHONY: serve-node
serve-node: setup ## a node at http://127.0.0.1:8545 that keeps its state in .node/ (PORT=...); Ctrl-C saves and stops it
	@mkdir -p .node
	@exec anvil --port $(or $(PORT),8545) --hardfork osaka --enable-tx-gas-limit --prune-history 128 \
	    --state .node/state.json --state-interval 10

.PHONY: setup
setup: ## install everything, from the package registries alone
	@sh toolchain/setup.sh

.PHONY: compile
compile: setup ## compile the contracts that changed
	@python -m goldthread.build

.PHONY: abis
abis: setup ## rewrite goldthread/abi/, docs/events.md and docs/errors.md after a change of an interface
	@python -m goldthread.build --abis
	@python -m toolchain.catalogue

.PHONY: gas
gas: compile ## measure every external function on a node and rewrite docs/gas.md
	@python -m benchmarks.gas

.PHONY: bench-merkle
bench-merkle: setup ## measure the tree of a million serials and rewrite its part of docs/benchmarks.md
	@python -m benchmarks.merkle

.PHONY: bench-segments
bench-segments: setup ## measure how fast readings become signed segments and rewrite their part of docs/benchmarks.md
	@python -m benchmarks.segments

.PHONY: mutate
mutate: compile ## change the contracts in every small way and see that a test fails (CONTRACT=Twins for one of them)
	@python -m tests.mutation.mutate $(CONTRACT)

.PHONY: prove
prove: setup ## static analysis and proofs: slither, halmos, z3 (in an environment of its own)
	@sh toolchain/setup.sh prove
	@sh toolchain/prove.sh

.PHONY: lock
lock: ## resolve the Python packages anew (needs uv on the PATH)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-header --extra dev pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-header requirements/prove.in -o requirements/prove.txt

.PHONY: clean
clean: ## remove what was built and cached; the environments stay
	rm -rf .build out cache .node .pytest_cache .mypy_cache .ruff_cache .hypothesis deployments/31337.json
