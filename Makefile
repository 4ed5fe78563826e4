# Two commands are all a fresh machine with Python 3.11+ and make needs: `make demo` and `make test`.
PYTHON ?= python3
UV     ?= uv
BIN    := .venv/bin
# A file inside .venv that is newer than what it was installed from: a second call installs nothing.
STAMP  := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help demo test check docs format bench bench-beacons bench-chains bench-names bench-dns bench-parse bench-show fuzz servers train lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

demo: $(STAMP) ## Hunt the bundled example telemetry
	@$(BIN)/kizashi demo

test: $(STAMP) ## Run the tests (narrow with ARGS="tests/test_contracts.py -k zeek")
	$(BIN)/python -m pytest $(ARGS)

check: $(STAMP) ## Format, lint, types, imports, generated pages, locked dependencies
	$(BIN)/ruff format --check src tests tools training
	$(BIN)/ruff check src tests tools training
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.reference --check
	$(BIN)/python -m pip check
	@! grep -n '://' requirements.lock || { echo 'requirements.lock names a host; make it again: make lock' >&2; exit 1; }

docs: $(STAMP) ## Write docs/reference anew from the code
	$(BIN)/python -m tools.reference

format: $(STAMP) ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix-only --quiet src tests tools training
	$(BIN)/ruff format src tests tools training

bench: $(STAMP) ## Measure ingest, detectors and memory; prints ratios (ARGS="--rows 1000000")
	$(BIN)/python -m kizashi.measure.bench $(ARGS)

HOSTS ?= 100
bench-beacons: $(STAMP) ## Share of implants found, by rhythm, over 30 days of 100 emulated hosts, some minutes (HOSTS=1000: an hour)
	$(BIN)/python -m kizashi.measure.generate .bench/beacons-$(HOSTS) --days 30 --hosts $(HOSTS) --no-attack
	$(BIN)/kizashi ingest .bench/beacons-$(HOSTS) --lake .bench/beacons-$(HOSTS)-lake --table > /dev/null
	$(BIN)/kizashi hunt --lake .bench/beacons-$(HOSTS)-lake --table
	$(BIN)/kizashi measure beacons --lake .bench/beacons-$(HOSTS)-lake --table $(ARGS)

bench-chains: $(STAMP) ## Attacks over emulated organisations: first, in order, apart, before the theft (QUICK=1: one organisation)
	$(BIN)/kizashi measure chains --folder .bench/chains --table $(ARGS) $(if $(QUICK),--quick,\
		--plot docs/calibration.svg --knots src/kizashi/chains/calibration.toml)

bench-show: $(STAMP) ## Look-ups by kind on a lake of 20 million rows: wall and CPU time (some minutes to make it)
	$(BIN)/python -m kizashi.measure.lookups .bench/show-lake $(ARGS)

bench-parse: $(STAMP) ## CPU of reading text logs by product, against the engine's bare read (ARGS="fortigate --megabytes 10")
	$(BIN)/python -m kizashi.measure.parsing $(ARGS)

bench-names: $(STAMP) ## Name model: families never seen, by class, and names per CPU-second (four minutes)
	$(BIN)/python -m training.train ../shared/data/domains --dry --folds .bench/folds
	$(BIN)/python -m training.speed ../shared/data/domains

bench-dns: $(STAMP) .bench/folds/unseen.json ## Infected host-days found from DNS alone, and honest ones blamed (some minutes)
	$(BIN)/python -m kizashi.measure.generate .bench/dns --days 30 --hosts 100 --no-attack
	$(BIN)/kizashi ingest .bench/dns --lake .bench/dns-lake --table > /dev/null
	$(BIN)/kizashi measure dns --lake .bench/dns-lake --names ../shared/data/domains \
		--folds .bench/folds --classes training/families.toml --table
	for evidence in flow process; do $(BIN)/kizashi measure dns --lake .bench/dns-lake --names ../shared/data/domains \
		--folds .bench/folds --classes training/families.toml --trials 1 --evidence $$evidence --table; done
	$(BIN)/kizashi measure dns --lake .bench/dns-lake --names ../shared/data/domains --folds .bench/folds --regimes --table

.bench/folds/unseen.json: training/train.py
	$(BIN)/python -m training.train ../shared/data/domains --dry --folds .bench/folds

fuzz: $(STAMP) ## 100,000 damaged lines a source: crashes, hangs, memory (an hour; ARGS="--lines 3000 fortigate")
	$(BIN)/python -m tools.fuzz_sources $(ARGS)

servers: ## Install the DNS servers, the proxy and the flow tools that tests/servers runs on loopback (Debian, root)
	apt-get install --yes --no-install-recommends unbound bind9 dnsmasq-base squid nfdump softflowd

train: $(STAMP) ## Train the name model from ../shared/data/domains and write its card (three minutes on 2 cores)
	$(BIN)/python -m training.train ../shared/data/domains

lock: ## Resolve the dependencies anew; needs uv
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --extra dev \
		--output-file requirements.lock pyproject.toml

clean: ## Remove the virtual environment and the tools' caches
	rm -rf .bench .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

# --clear, because a package that has left the lock must leave the environment too.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kizashi needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
