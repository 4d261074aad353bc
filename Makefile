# make help tells the targets. SAN=address,undefined or SAN=thread builds beside the ordinary objects.

CC ?= cc
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
T ?=
SAN ?=
UPDATE ?=

PROGRAMS := producer tracker monitor
COMMA := ,
OUT := build$(if $(SAN),/san-$(subst $(COMMA),-,$(SAN)))
BIN := $(if $(SAN),$(OUT)/bin,bin)

# make WITH_CURL= builds without it, as where it is not installed: no processor.kind: http.
WITH_CURL ?= $(shell $(PKG_CONFIG) --exists libcurl && echo yes)
CORE_PACKAGES := rdkafka yaml-0.1 libcjson $(if $(WITH_CURL),libcurl)
CORE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(CORE_PACKAGES) 2>/dev/null)
CORE_LIBS := $(shell $(PKG_CONFIG) --libs $(CORE_PACKAGES) 2>/dev/null) -lpthread -lm
CURSES_CFLAGS := $(shell $(PKG_CONFIG) --cflags ncursesw 2>/dev/null)
CURSES_LIBS := $(shell $(PKG_CONFIG) --libs ncursesw 2>/dev/null)
# make WITH_MICROHTTPD= builds without it, as where it is not installed: no --listen.
WITH_MICROHTTPD ?= $(shell $(PKG_CONFIG) --exists libmicrohttpd && echo yes)
HTTPD_CFLAGS := $(if $(WITH_MICROHTTPD),-DHAVE_MICROHTTPD $(shell $(PKG_CONFIG) --cflags libmicrohttpd))
HTTPD_LIBS := $(if $(WITH_MICROHTTPD),$(shell $(PKG_CONFIG) --libs libmicrohttpd))
TEST_CFLAGS := $(shell $(PKG_CONFIG) --cflags cmocka 2>/dev/null)
TEST_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
HARDENING := $(if $(SAN)$(findstring _FORTIFY_SOURCE,$(CFLAGS)),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -Iinclude $(WARNINGS) $(HARDENING) $(SAN_FLAGS) $(CFLAGS) \
	$(CORE_CFLAGS) -MMD -MP
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SAN_FLAGS) $(LDFLAGS)

CORE_SOURCES := $(filter-out src/processor/$(if $(WITH_CURL),http_absent,http).c,$(sort $(wildcard src/*/*.c)))
CORE_OBJECTS := $(CORE_SOURCES:%.c=$(OUT)/%.o)
CORE := $(OUT)/libcore.a
# What one program needs and tests look at; all but its main and its options may be asked for.
PARTS := $(OUT)/libparts.a
PARTS_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(filter-out %/main.c %/options.c %/term.c,$(sort $(wildcard cmd/*/*.c))))
SUPPORT_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard tests/support/*.c)))

test_programs = $(patsubst %.c,$(OUT)/%,$(sort $(wildcard tests/$(1)/test_*.c)))
UNIT_TESTS := $(call test_programs,unit)
INTEGRATION_TESTS := $(call test_programs,integration)
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAYS := $(FUZZ_SOURCES:%.c=$(OUT)/%)

program_objects = $(patsubst %.c,$(OUT)/%.o,$(sort $(wildcard cmd/$(1)/*.c)))
EXISTING := $(foreach p,$(PROGRAMS),$(if $(wildcard cmd/$(p)/main.c),$(p)))

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SECONDARY: $(UNIT_TESTS:%=%.o) $(INTEGRATION_TESTS:%=%.o) $(FUZZ_REPLAYS:%=%.o)

.PHONY: build
build: $(EXISTING:%=$(BIN)/%) ## the three programs into bin/ (default)

.PHONY: $(PROGRAMS:%=build-%)
$(PROGRAMS:%=build-%): build-%: $(BIN)/%

# They build by a make of their own; beside `build` that would write the same files at the same time.
test test-unit test-integration test-e2e perf-check: | $(filter build,$(MAKECMDGOALS))

.PHONY: test
test: ## all tests: unit, integration, perf, e2e; T=NAME runs one program or file
	@SAN='$(SAN)' T='$(T)' tests/run.sh unit integration perf e2e

.PHONY: perf-check
perf-check: ## instructions and allocations per order against tests/perf/budget; UPDATE=1 writes it anew
	@SAN='$(SAN)' UPDATE='$(UPDATE)' tests/run.sh perf

.PHONY: test-unit test-integration test-e2e
test-unit test-integration test-e2e: test-%:
	@SAN='$(SAN)' T='$(T)' tests/run.sh $*

.PHONY: test-programs-unit test-programs-integration
test-programs-unit: $(UNIT_TESTS) $(FUZZ_REPLAYS)
test-programs-integration: $(INTEGRATION_TESTS)

MINUTES ?= 2
SEED ?=
KEEP ?=
BROKERS ?= 3

.PHONY: soak
soak: build $(OUT)/kafka-transact ## a storm of faults over a real Kafka, and the oracle's verdict; MINUTES=n SEED=s BROKERS=3 KEEP=1
	@python3 tests/soak/soak.py --minutes '$(MINUTES)' --brokers '$(BROKERS)' $(if $(SEED),--seed '$(SEED)') $(if $(KEEP),--keep)

.PHONY: test-faults
test-faults: ## a fault on each call of a short run, over a real Kafka; SEED=s
	@FAULTS_ALL=1 FAULTS_SEED='$(SEED)' T=faults tests/run.sh e2e; status=$$?; \
		sed -n 's/^# //p' build/test-logs/e2e-faults.tap; exit $$status

A ?=
B ?=
ROUNDS ?= 5
ORDERS ?= 500000

.PHONY: bench
bench: build $(OUT)/durable.so ## side by side with others, over a real Kafka; B=tracker|producer|... ROUNDS=5 ORDERS=500000
	@python3 tests/bench/bench.py --rounds '$(ROUNDS)' --orders '$(ORDERS)' $(B)

.PHONY: bench-compare
bench-compare: ## two runs beside each other; A=old.json B=new.json, as bench writes build/bench.json
	@python3 tests/bench/compare.py '$(A)' '$(B)'

FUZZ_SECONDS ?= 60
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/fuzz_%.c=%)
# Left out are the checks of pointers that double the address sanitizer's: the fuzzer traces each of their
# comparisons, at half of its speed. SAN=undefined has them for the corpus.
FUZZ_CFLAGS := -std=c11 -D_GNU_SOURCE -Iinclude -O2 -g -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize=alignment,null,object-size,pointer-overflow -fno-sanitize-recover=all \
	$(CORE_CFLAGS) $(TEST_CFLAGS) -Itests -MMD -MP
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/%.o,$(sort $(wildcard $(addprefix src/,base/*.c config/*.c model/*.c view/*.c))))

.PHONY: fuzz $(FUZZERS:%=fuzz-%)
fuzz: $(FUZZERS:%=fuzz-%) ## each fuzz target for FUZZ_SECONDS=60, with clang
$(FUZZERS:%=fuzz-%): fuzz-%: build/fuzz/%
	@mkdir -p build/fuzz/found/$*
	build/fuzz/$* -max_total_time=$(FUZZ_SECONDS) -dict=tests/fuzz/$*.dict \
		-artifact_prefix=build/fuzz/found/$*- build/fuzz/found/$* tests/fuzz/corpus/$*

build/fuzz/%.o: %.c
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -c -o $@ $<

build/fuzz/%: build/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_OBJECTS)
	clang -fsanitize=fuzzer,address,undefined -o $@ $^ -Wl,--as-needed $(TEST_LIBS) $(CORE_LIBS)

.PHONY: lint
lint: ## include table, headers alone, clang-tidy, cppcheck, shellcheck, format
	@scripts/lint.sh

.PHONY: fmt
fmt: ## format all C sources
	@clang-format -i $$(git ls-files '*.[ch]')

# Manual pages and completions come from what --help prints, and that from the tables of options and settings.
PAGES := $(PROGRAMS:%=$(OUT)/man/%.1) $(OUT)/man/order-tracker.yaml.5
COMPLETIONS := $(PROGRAMS:%=$(OUT)/completion/%) $(PROGRAMS:%=$(OUT)/completion/_%)
SUITE_VERSION := $(shell sed -n 's/.*SUITE_VERSION "\(.*\)"/\1/p' include/base/version.h)
BASH_COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
ZSH_COMPLETIONS ?= $(PREFIX)/share/zsh/site-functions

.PHONY: man
man: $(PAGES) $(COMPLETIONS) ## manual pages and completions into build/

# from_help PROGRAM FORM [FILE WITH FURTHER SECTIONS]
from_help = @mkdir -p $(@D) && $(BIN)/$(1) --help >$@.help && \
	awk -v form=$(2) -v version='$(SUITE_VERSION)' -v text='$(3)' -f scripts/manual.awk $@.help >$@; \
	status=$$?; rm -f $@.help; exit $$status

$(OUT)/man/%.1: $(BIN)/% scripts/manual.awk docs/man/%.roff
	$(call from_help,$*,man,docs/man/$*.roff)

$(OUT)/man/order-tracker.yaml.5: $(BIN)/tracker scripts/manual.awk
	$(call from_help,tracker,settings)

$(PROGRAMS:%=$(OUT)/completion/%): $(OUT)/completion/%: $(BIN)/% scripts/manual.awk
	$(call from_help,$*,bash)

$(PROGRAMS:%=$(OUT)/completion/_%): $(OUT)/completion/_%: $(BIN)/% scripts/manual.awk
	$(call from_help,$*,zsh)

INSTALLED = $(PROGRAMS:%=$(PREFIX)/bin/%) $(PREFIX)/share/order-tracker/config.yaml.example \
	$(PROGRAMS:%=$(PREFIX)/share/man/man1/%.1) $(PREFIX)/share/man/man5/order-tracker.yaml.5 \
	$(PROGRAMS:%=$(BASH_COMPLETIONS)/%) $(PROGRAMS:%=$(ZSH_COMPLETIONS)/_%)

.PHONY: install
install: build man ## programs, manual pages, completions and example settings below PREFIX
	install -D -m 755 -t '$(DESTDIR)$(PREFIX)/bin' $(PROGRAMS:%=bin/%)
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/order-tracker' config.yaml.example
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man1' $(PROGRAMS:%=$(OUT)/man/%.1)
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man5' $(OUT)/man/order-tracker.yaml.5
	install -D -m 644 -t '$(DESTDIR)$(BASH_COMPLETIONS)' $(PROGRAMS:%=$(OUT)/completion/%)
	install -D -m 644 -t '$(DESTDIR)$(ZSH_COMPLETIONS)' $(PROGRAMS:%=$(OUT)/completion/_%)

.PHONY: uninstall
uninstall: ## removes what install wrote
	rm -f $(INSTALLED:%='$(DESTDIR)%')

DEB ?= build/deb
DEB_TREE = $(DEB)/order-tracker-$(SUITE_VERSION)

.PHONY: deb
deb: ## Debian packages into build/deb/; needs debhelper
	rm -rf '$(DEB)'
	mkdir -p '$(DEB_TREE)'
	cp -r Makefile README.md README.fr.md CONTRIBUTING.md config.yaml.example cmd deploy docs include scripts src '$(DEB_TREE)'
	cp -r deploy/debian '$(DEB_TREE)'
	cd '$(DEB_TREE)' && dpkg-buildpackage --build=binary --no-sign --no-pre-clean
	rm -rf '$(DEB_TREE)'

.PHONY: clean
clean: ## removes all that was built
	rm -rf build bin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  %-34s %s\n", $$1, $$2 }' Makefile
	@echo '  build-producer build-tracker build-monitor  one program'
	@echo '  test-unit test-integration test-e2e         one stage'

$(CORE): $(CORE_OBJECTS)
$(PARTS): $(PARTS_OBJECTS)
$(CORE) $(PARTS):
	@rm -f $@
	$(AR) rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(EXTRA_CFLAGS) -c -o $@ $<

$(OUT)/cmd/monitor/term.o: EXTRA_CFLAGS = $(CURSES_CFLAGS)
$(OUT)/cmd/monitor/httpd.o: EXTRA_CFLAGS = $(HTTPD_CFLAGS)
$(OUT)/tests/%.o: EXTRA_CFLAGS = $(TEST_CFLAGS) -Itests -Icmd

define program_rule
$$(BIN)/$(1): $$(call program_objects,$(1)) $$(CORE)
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(CORE_LIBS) $(if $(filter monitor,$(1)),$$(CURSES_LIBS) $$(HTTPD_LIBS))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

$(UNIT_TESTS) $(INTEGRATION_TESTS): $(OUT)/%: $(OUT)/%.o $(SUPPORT_OBJECTS) $(PARTS) $(CORE)
	$(CC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS) $(HTTPD_LIBS)

# The fuzz targets without libFuzzer, each for its corpus.
$(FUZZ_REPLAYS): %: %.o $(OUT)/tests/fuzz/replay.o $(CORE)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS)

# The journal's test stands between it and the disk.
$(OUT)/tests/unit/test_journal: TEST_LDFLAGS = -Wl,--wrap=write,--wrap=fdatasync,--wrap=ftruncate

# So does the test of the reader.
$(OUT)/tests/unit/test_recovery: TEST_LDFLAGS = -Wl,--wrap=write
$(OUT)/tests/unit/test_tail: TEST_LDFLAGS = -Wl,--wrap=pread,--wrap=__pread_chk

# The mock cluster's ports can only be chosen by interposing bind(), see the file.
$(OUT)/embedded-broker: $(OUT)/scripts/embedded_broker.o
	$(CC) $(ALL_LDFLAGS) -rdynamic -o $@ $^ $(CORE_LIBS)

# What perf-check counts.
$(OUT)/tests/perf/way: $(OUT)/tests/perf/way.o $(PARTS) $(CORE)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CORE_LIBS)

# Only for the bench: preloaded into the tracker it notes when lines are durable.
$(OUT)/durable.so: tests/bench/durable.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $<

# Only for tests: deletes topics and records.
$(OUT)/kafka-topic: $(OUT)/tests/tools/kafka_topic.o
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CORE_LIBS)

# Only for tests: orders in transactions.
$(OUT)/kafka-transact: $(OUT)/tests/tools/kafka_transact.o
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CORE_LIBS)

# Only for tests: preloaded into the tracker it makes calls fail.
$(OUT)/faults.so: tests/faults/faults.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) $(CORE_CFLAGS) -fPIC -shared -o $@ $<

-include $(shell [ -d $(OUT) ] && find $(OUT) -name '*.d')
