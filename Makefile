# Debian 12 or Raspberry Pi OS 64-bit, Python 3.11 or newer.
#
#   make demo [ARGS=--serve]      the main job on a simulated bench; needs no root
#   make test [ARGS="-k name"]    the tests, a slice of each proof among them; what needs root is named when it is left out
#   make quick PYTHON=python3.13 VENV=build/venv-3.13       the half of them that starts no server, under another Python
#   sudo make prove-faults [RUNS=60] [WRITE=docs/reliability.md]    all of the fault injection under real block devices
#   sudo make prove-kills [KILLS=500] [WRITE=docs/reliability.md]   SIGKILLs of command and daemon, some ten minutes
#   make prove-collector-kills [ROUNDS=300] [WRITE=docs/reliability.md]   intake, web, broker, database, station
#   make prove-cells [WRITE=docs/scaling.md]                one of three cells is killed under 300 stations
#   make prove-standby            PostgreSQL is lost under load, its standby goes on; dump and restore
#   sudo make prove-bench [WRITE=docs/reliability.md]       drives of all kinds under a real kernel, in a QEMU guest; docs/bench.md
#   sudo make prove-install [SUITES=trixie]                 docs/install.md in a clean Debian 12 and 13, under their systemd
#   make prove-closing            a hundred SIGKILLs in the middle of closing a settlement, on SQLite and on PostgreSQL
#   sudo make prove-station       the station's tests with each row of what `make test` runs some of
#   make prove-years              both municipalities' year on SQLite and PostgreSQL, against a calculation in fractions; histories
#   make prove-roles [WRITE=docs/pictures]                  each role's day in a Chromium, in Danish
#   make prove-pages              every page as everybody who may open it, by axe-core in a Chromium: two widths, languages, colours
#   make prove-api                every document, fuzzed by schemathesis from the OpenAPI, and every form, as each role
#   make prove-collector          the collector's tests with all the rows that exports are promised for
#   make faults                   prove-faults, by its older name
#   sudo make bench               the virtual bench with a third of its techniques and faults, as continuous integration has it
#   make lock                     the newest releases that setup.cfg allows, into requirements/*.lock; docs/dependencies.md
#   make release                  wheel, source archive, parts list and checksums of the commit, into dist/
#   make lint                     mypy --strict and ruff, which `make test` runs too
#   sudo make install             a station under /opt/benchwipe; docs/install.md
#   sudo make back                the version before takes the place of the one in use
#   sudo make uninstall           takes it away, keeps ledger, key, certificates and configuration
#   make clean                    removes the environment and what tools left behind

export PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# Where a station is put (docs/install.md). DESTDIR stands before all of them.
PREFIX ?= /opt/benchwipe
SYSCONFDIR ?= /etc/benchwipe
STATEDIR ?= /var/lib/benchwipe
BINDIR ?= /usr/local/bin
LIBDIR ?= /usr/local/lib
# Extras of setup.cfg that a station gets.
WITH ?= collector,docks,labels,pdf

# Debian packages that the tests use: brokers, databases, file systems, smartctl, fio as a yardstick, systemd-analyze,
# pdftotext and a font for certificates on paper, the programs of docks.
TEST_PACKAGES := mosquitto mosquitto-clients postgresql e2fsprogs dosfstools mtools fdisk util-linux fio smartmontools udev systemd poppler-utils fonts-liberation b3sum uhubctl sg3-utils ledmon cups-daemon cups-client
# What the virtual bench is built of and looks at drives with: emulators, tools for the guest's root, for drives, a broker.
BENCH_PACKAGES := qemu-system-x86 qemu-system-arm busybox-static squashfs-tools cpio kmod zstd udev e2fsprogs util-linux iproute2 dmsetup procps \
 nvme-cli hdparm sg3-utils smartmontools mosquitto
# What a bare Debian in a folder is made with, and started.
ROOT_PACKAGES := debootstrap systemd-container git util-linux
SUITES ?= bookworm,trixie
# An independent renderer of ZPL, which the labels are read back with; needs node.
ORACLE := tests/drivers/printers/zpl_oracle
# Real MicroPython, which the dock controller's firmware is tested under; needs node.
MICROPYTHON := tests/firmware_bridge/device/micropython

# What keeps people from using a page, as axe-core finds it; needs node, and Chromium.
AXE := tests/collector/axe

# What `make quick` leaves out: what starts brokers, databases, daemons or a guest, and the linters.
SLOW := tests/laboratory tests/collector tests/faults tests/shift tests/systemd tests/agent/uplink tests/test_demo.py tests/test_style.py tests/test_release.py \
 $(wildcard tests/agent/test_daemon*.py)
# Runs of each kind of fault, and of kills in all.
RUNS ?= 60
KILLS ?= 500
# Rounds in which a part of the collector, its broker, its database or the station is killed.
ROUNDS ?= 300

.PHONY: setup demo test quick faults bench prove-faults prove-kills prove-collector-kills prove-cells prove-standby prove-bench prove-closing prove-years prove-roles prove-collector prove-pages prove-api prove-station prove-install lock release lint install back uninstall clean

setup:
	@scripts/setup.sh $(VENV) dev

demo:
	@scripts/setup.sh $(VENV) demo
	@$(BIN)/python -m agent.demo $(ARGS)

# Two workers a core: half of the tests' time is waiting for brokers, databases and deadlines.
test: setup
	@scripts/debian-packages.sh $(TEST_PACKAGES) || echo "benchwipe: the tests that need them say so at the end" >&2
	@for part in $(ORACLE) $(MICROPYTHON) $(AXE); do [ -d $$part/node_modules ] || ! command -v npm >/dev/null || \
	 timeout 60 npm ci --prefix $$part --silent --ignore-scripts --fetch-retries=1 --fetch-timeout=15000 --no-audit --no-fund || \
	 echo "benchwipe: npm could not install $$part; its tests say so" >&2; done
	@$(BIN)/python -m pytest --numprocesses=$$(( $$(nproc) * 2 )) --maxprocesses=8 --dist=worksteal -rs $(ARGS)

quick: setup
	@$(BIN)/python -m pytest --numprocesses=$$(( $$(nproc) * 2 )) --maxprocesses=8 --dist=worksteal $(SLOW:%=--ignore=%) -p no:cacheprovider -rs $(ARGS)

faults: prove-faults
prove-faults: setup
	@$(BIN)/python -m tests.faults --runs $(RUNS) $(if $(WRITE),--write $(WRITE)) $(ARGS)
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest -q tests/faults/test_pipe.py

prove-kills: setup
	@$(BIN)/python -m tests.faults.kills --runs $(KILLS) $(if $(WRITE),--write $(WRITE)) $(ARGS)

prove-collector-kills: setup
	@$(BIN)/python -m tests.faults.collector_kills --rounds $(ROUNDS) $(if $(WRITE),--write $(WRITE)) $(ARGS)

prove-cells: setup
	@$(BIN)/python -m tests.faults.cells $(if $(WRITE),--write $(WRITE)) $(ARGS)

prove-standby: setup
	@$(BIN)/python -m tests.faults.standby $(ARGS)

prove-closing: setup
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest tests/collector/trade/test_closing_kills.py -s -rs $(ARGS)

prove-years: setup
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest tests/collector/years tests/collector/audit/test_histories.py -s -rs $(ARGS)

prove-roles: setup
	@BENCHWIPE_PROVE=1 BENCHWIPE_PICTURES="$(WRITE)" $(BIN)/python -m pytest tests/collector/test_role_days.py -rs $(ARGS)

prove-pages: setup
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest tests/collector/test_hard_pages.py --numprocesses=auto --maxprocesses=4 --dist=worksteal -rs $(ARGS)

prove-api: setup
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest tests/collector/test_hard_api.py tests/collector/test_hard_forms.py --numprocesses=auto --maxprocesses=4 --dist=worksteal -rs $(ARGS)

prove-collector: setup
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest tests/collector --numprocesses=auto --maxprocesses=4 --dist=worksteal -rs $(ARGS)

prove-station: setup
	@BENCHWIPE_PROVE=1 $(BIN)/python -m pytest tests/agent tests/drivers --numprocesses=auto --maxprocesses=4 --dist=worksteal -rs $(ARGS)

# A worker a core: an emulated guest is busy all the time.
bench prove-bench: setup
	@scripts/debian-packages.sh $(BENCH_PACKAGES) || { echo "benchwipe: without these packages there is no virtual bench" >&2; exit 1; }
	@BENCHWIPE_BENCH=1 BENCHWIPE_PROVE=$(if $(filter prove-bench,$@),1) BENCHWIPE_BENCH_WRITE="$(WRITE)" $(BIN)/python -m pytest tests/laboratory --numprocesses=auto --maxprocesses=4 --dist=worksteal -rs $(ARGS)

# Clean roots of both Debians; one at a time, since each has a systemd of its own.
prove-install: setup
	@scripts/debian-packages.sh $(ROOT_PACKAGES) || { echo "benchwipe: without these packages there is no clean root" >&2; exit 1; }
	@BENCHWIPE_INSTALL="$(SUITES)" $(BIN)/python -m pytest tests/installing -p no:cacheprovider -rs $(ARGS)

lock: setup
	@$(BIN)/python -m release.lock

release: setup
	@$(BIN)/python -m release.build $(ARGS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

install back uninstall:
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' STATEDIR='$(STATEDIR)' BINDIR='$(BINDIR)' \
	 LIBDIR='$(LIBDIR)' WITH='$(WITH)' scripts/install.sh $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
