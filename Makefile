# The face of the repository: `make help`.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
BIN := $(TARGET)/debug
VENV := $(TARGET)/venv
GENERATED := $(TARGET)/generated
CONTROLPLANE := tests/controlplane/install.sh
# The directories that the control plane's script prints, searched in their order.
find_tool = $$(for directory in $$($(CONTROLPLANE)); do [ -x $$directory/$(1) ] && echo $$directory/$(1) && break; done)

# One profile and one set of features for everything that runs here, so that the AWS SDK is compiled once.
CARGO_BUILD := cargo build --workspace --all-targets
CLIPPY := cargo clippy --workspace --all-targets -- -D warnings

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  KEEP=1 make demo        leaves the demonstration running until make demo-down"
	@echo "  GUESTS=qemu make demo   builds in a real machine (QEMU)"

.PHONY: demo
demo: build ## Build an image and copy it, end to end, against a local Kubernetes API server and a simulated EC2
	@$(if $(filter qemu,$(GUESTS)),GUEST_SYSTEMS=$$(tests/guests/install.sh) && export GUEST_SYSTEMS &&) $(BIN)/demo

.PHONY: demo-down
demo-down: ## Stop what KEEP=1 make demo left running
	@if [ -x $(BIN)/demo ]; then $(BIN)/demo down; else echo "nothing is running"; fi

.PHONY: test
test: build $(VENV)/ready ## Run every test: pure, adapter, flow, control plane, end to end, boto3, machines
	cargo test --workspace -- --skip guests::
	EC2SIM_BIN=$(BIN)/ec2sim $(VENV)/bin/pytest -p no:cacheprovider tests/ec2sim/boto3
	@$(MAKE) test-guest

# Not beside the others, whose deadlines do not expect emulated machines on the same processors; and two at a time.
# The script exits with 69 where there can be no machines, and has said why.
.PHONY: test-guest
test-guest: build ## Build images in real machines, if QEMU can be installed
	@GUEST_SYSTEMS=$$(tests/guests/install.sh); case $$? in \
	0) export GUEST_SYSTEMS; cargo test --test it guests:: -- --test-threads=2 ;; \
	69) echo "SKIPPED: the tests in real machines" ;; \
	*) exit 1 ;; \
	esac

.PHONY: test-fast
test-fast: ## Run the tests that need no AWS SDK
	cargo test --no-default-features

.PHONY: crash-points
crash-points: build ## Kill the operator at every point of every scenario, and compare the outcomes
	@rm -f $(TARGET)/crash-points.txt; status=0; CRASH_POINTS=$(TARGET)/crash-points.txt \
	  cargo test --test it -- --nocapture crash_points || status=$$?; cat $(TARGET)/crash-points.txt; exit $$status

.PHONY: soak
soak: build ## Run random lifecycles with 10,000 faults (SOAK_SEED=1: the first seed; SOAK_FAULTS=…)
	@rm -f $(TARGET)/soak.txt; status=0; SOAK=$(TARGET)/soak.txt SOAK_FAULTS=$(or $(SOAK_FAULTS),10000) \
	  cargo test --test it -- --nocapture soak:: || status=$$?; cat $(TARGET)/soak.txt; exit $$status

.PHONY: mutations
mutations: build ## Violate each invariant with a one-line change, and expect a test to fail
	@tests/mutations/run.sh

.PHONY: check
check: build ## Check formatting, lints, generated files and charts
	cargo fmt --all --check
	$(CLIPPY)
	@$(MAKE) generated-files-are-current
	$(call find_tool,helm) lint --strict charts/ami-operator charts/ami-operator-crds

.PHONY: audit
audit: ## Check licenses and sources of all dependencies
	@cargo deny --version >/dev/null 2>&1 || { \
	  echo "installing cargo-deny: about 5 minutes, this once"; cargo install --locked --quiet cargo-deny; }
	cargo deny --all-features check licenses bans sources

# One set of features for the operator and for the simulation, so that the AWS SDK is compiled once here too.
.PHONY: bench
bench: controlplane ## Measure the release build: size, memory, EC2 calls, time (ONLY="consoles scale …": only these parts)
	@[ -x $(TARGET)/release/ami-operator ] || echo "building for release: about 15 minutes the first time"
	cargo build --release --workspace --bins --test it
	@$(if $(filter-out scale,$(or $(ONLY),all)),GUEST_SYSTEMS=$$(tests/guests/install.sh); export GUEST_SYSTEMS; \
	  $(TARGET)/release/bench $(ONLY))
	@$(if $(filter all scale,$(or $(ONLY),all)),rm -f $(TARGET)/scale.md; \
	  SCALE=$(TARGET)/scale.md SCALE_SIZES="$(or $(SIZES),1 100 1000 10000)" \
	  cargo test --quiet --release --workspace --test it -- scale::the_table && cat $(TARGET)/scale.md)

.PHONY: generate
generate: build ## Write crds/, the charts' copies of it, and deploy/install.yaml
	deploy/generate . $(BIN)/ami-operator $(call find_tool,helm)

.PHONY: clean
clean: demo-down ## Remove build outputs (the control plane binaries stay cached)
	cargo clean

.PHONY: generated-files-are-current
generated-files-are-current:
	@rm -rf $(GENERATED) && mkdir -p $(GENERATED) && cp -R charts $(GENERATED)/charts
	@deploy/generate $(GENERATED) $(BIN)/ami-operator $(call find_tool,helm)
	@for path in crds charts deploy/install.yaml; do \
	  diff -ru $$path $(GENERATED)/$$path || { echo "$$path is out of date: run make generate"; exit 1; }; \
	done

# Make's own job slots are kept from cargo, which has better ones.
# The AWS SDK takes 8 GB of memory to compile and the API server 2 GB to link: side by side if both fit.
.PHONY: build
build:
	@available=$$(awk '/^MemAvailable/ { print int($$2 / 1048576) }' /proc/meminfo 2>/dev/null || echo 0); \
	if [ $${available:-0} -ge 14 ]; then jobs=2; else jobs=1; fi; $(MAKE) --jobs=$$jobs controlplane rust

.PHONY: controlplane
controlplane:
	@$(CONTROLPLANE) >/dev/null

.PHONY: rust
rust:
	@ls $(BIN)/deps/libaws_sdk_ec2-*.rlib >/dev/null 2>&1 || \
	  echo "compiling the operator and the AWS SDK: about 12 minutes on two cores, this once"
	@unset MAKEFLAGS MFLAGS; $(CARGO_BUILD)

$(VENV)/ready: tests/ec2sim/boto3/requirements.txt
	@echo "installing boto3 and pytest into $(VENV)"
	@python3 -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
