# Everything a person or CI calls. The work is done in scripts/.
.PHONY: help setup demo test test-fast check bench clean

help:
	@echo "make demo       set up, then simulated collars to live map at a printed address (Ctrl-C stops)"
	@echo "make test       set up with TimescaleDB and mosquitto, then every test"
	@echo "make test-fast  the tests that need no service, under two minutes"
	@echo "make check      format, lint, types, import contracts"
	@echo "make bench      benchmarks, each as a ratio to a peer or a limit"
	@echo "make setup      what the others need, without running them"
	@echo "make clean      remove what set-up made in this folder"

setup:
	@scripts/setup

demo:
	@scripts/demo $(ARGS)

test:
	@scripts/test

test-fast:
	@scripts/test --fast

check:
	@scripts/check

bench:
	@scripts/bench $(ARGS)

clean:
	rm -rf .venv .cache demo-data ecoduct-data server/ecoduct_server/web/node_modules server/ecoduct_server/web/vendor
