# Tidemill. `make help` lists what there is.
# GNU make and a POSIX shell; everything else is installed by hack/packages when it is missing.

VERSION   ?= $(shell cat VERSION)
ifeq ($(origin CC),default)
CC        := gcc
endif
BUILD     := build
FLAVOUR   ?= release
OUT       := $(BUILD)/$(FLAVOUR)
PACKAGES  := libcurl libnghttp2 jansson yaml-0.1 openssl libmicrohttpd gnutls expat
JOBS      ?= 2
SIM_FLAVOUR ?= sim

WARNINGS  := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
             -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wconversion \
             -Wno-sign-conversion $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
HARDENING := -fstack-protector-strong -fPIE -fno-strict-overflow
SANITIZE  := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CPPFLAGS  += -Icontroller -Itests -D_GNU_SOURCE -DTIDEMILL_VERSION='"$(VERSION)"'
CFLAGS_release := -O2 -g1 -D_FORTIFY_SOURCE=2
CFLAGS_test    := -O1 -g $(SANITIZE)
CFLAGS_clang   := -O1 -g
CFLAGS_sim     := -O2 -g1
CFLAGS_fuzz    := -O1 -g $(SANITIZE) -fsanitize=fuzzer-no-link
CFLAGS_coverage := -O0 -g --coverage
CFLAGS_counted := -O1 -g -fsanitize-coverage=trace-pc
CFLAGS    += -std=gnu17 $(WARNINGS) $(HARDENING) $(CFLAGS_$(FLAVOUR))
LDFLAGS   += -pie -Wl,-z,relro,-z,now,-z,noexecstack $(if $(filter test fuzz,$(FLAVOUR)),$(SANITIZE)) \
             $(if $(filter coverage,$(FLAVOUR)),--coverage)
LDLIBS    += $(shell pkg-config --libs $(PACKAGES))

SOURCES   := $(sort $(wildcard controller/*.c controller/*/*.c))
OBJECTS   := $(SOURCES:%.c=$(OUT)/%.o)
LIBRARY   := $(filter-out $(OUT)/controller/main.o,$(OBJECTS))
TESTS     := $(sort $(wildcard tests/unit/test_*.c))
TEST_BINS := $(TESTS:tests/unit/%.c=$(OUT)/%)
TEST_HELP := $(sort $(wildcard tests/support/*.c))
FUZZ      := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_HELP := tests/support/glob_slow.c tests/support/json_patch.c tests/support/random_object.c

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := help

## For users
demo: ## set up what is missing, start a throwaway cluster, run the main job and show it
	@hack/demo

test: ## set up what is missing, run every test, the real cluster included
	@tests/run all

install: ## install Tidemill into the cluster of the current kubectl context
	kubectl apply -k manifests/install

## For developers
check: ## the quick tests: no cluster, under a minute
	@tests/run check

sim: ## every crash, lag and gap of the simulation, and 1,000 seeds; tests/sim/run --help
	@$(MAKE) --no-print-directory simulations
	@tests/sim/run

endurance: ## 100,000 reconnects and 1,000,000 events, faked and by the real client: minutes
	@tests/endurance

mutation: ## plant each fault of tests/mutation and see a test find it: long
	@tests/mutation/run --docs

release: ## the program: build/release/tidemill
	@$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=release $(BUILD)/release/tidemill

sanitized: ## the same with ASan and UBSan: build/test/tidemill
	@$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=test $(BUILD)/test/tidemill

fuzz: ## look for inputs that break a parser or planner, FUZZ_SECONDS=60 for each target
	@tests/fuzz/run search

coverage: ## which lines and branches of plan/ and api/ the unit tests reach; fails below its floors
	@tests/coverage/run

bench: ## what a run costs, side by side with plain Jobs
	@bench/run

soak: ## random load and faults for SOAK_MINUTES (30), from a printed seed
	@hack/packages build cluster
	@tests/soak/run

cluster: ## start the throwaway cluster
	@hack/cluster up

cluster-down: ## remove the throwaway cluster
	@hack/cluster down

images: ## build the images of the controller, of the examples and of their S3 server
	@hack/images all

format: ## rewrite the sources by .clang-format
	@clang-format -i $(SOURCES) $(wildcard controller/*/*.h) $(TESTS) $(TEST_HELP) $(wildcard tests/support/*.h tests/faults/*.[ch] tests/sim/*.[ch] tests/cost/*.[ch] tests/fuzz/*.[ch])

test-list: ## write tests/LIST.md, the names of all tests
	@python3 tests/support/list_tests.py > tests/LIST.md

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^## /{print "\n" substr($$0,4)":"} /^[a-z-]+:.*## /{printf "  make %-14s %s\n",$$1,$$2}' Makefile

## Parts (no help lines: targets that scripts use)
$(OUT)/tidemill: $(OBJECTS)
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/%.o: %.c $(OUT)/flags
	@mkdir -p $(@D)
	@echo '  $(notdir $(CC)) $(FLAVOUR) $<'
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Objects are made again when compiler, flags or version change.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(CPPFLAGS) $(CFLAGS))' | cmp -s - $@ || \
	    echo '$(CC) $(subst ','\'',$(CPPFLAGS) $(CFLAGS))' > $@
FORCE:

# Unit tests: one binary for each file, with every object but main's, under ASan and UBSan.
unit-tests:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=test test-binaries tool-binaries

test-binaries: $(TEST_BINS)

$(OUT)/test_%: $(OUT)/tests/unit/test_%.o $(TEST_HELP:%.c=$(OUT)/%.o) $(OUT)/libtidemill.a
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# Without sanitizers: what is resident, and what the real allocator holds, is what counts.
ENDURANCE := $(BUILD)/sim/test_reflector_endurance $(BUILD)/sim/test_client_endurance
endurance-tests:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=sim $(ENDURANCE)

# Makes calls to the kernel fail.
$(OUT)/test_io_faults $(OUT)/test_client_faults: $(OUT)/tests/faults/calls.o

# Makes the allocations of core/memory.c fail.
$(OUT)/test_memory_faults: LDFLAGS += -Wl,--wrap=calloc,--wrap=reallocarray,--wrap=vasprintf

# Count the allocations on their way through core/memory.c.
$(OUT)/test_event_cost $(OUT)/bench-decode: LDFLAGS += -Wl,--wrap=calloc,--wrap=reallocarray
$(OUT)/test_event_cost: $(OUT)/tests/cost/watch_cost.o

$(OUT)/libtidemill.a: $(LIBRARY)
	@rm -f $@
	@$(AR) rcs $@ $^

# The simulation (tests/sim): its own binaries, and build/test/simulate to replay one history.
SIM_TESTS := $(sort $(wildcard tests/sim/test_*.c))
SIM_HELP  := $(filter-out tests/sim/simulate.c tests/sim/serve.c $(SIM_TESTS),$(sort $(wildcard tests/sim/*.c)))
SIM_BINS  := $(SIM_TESTS:tests/sim/%.c=$(OUT)/%) $(OUT)/simulate $(OUT)/serve

$(OUT)/test_sim%: $(OUT)/tests/sim/test_sim%.o $(SIM_HELP:%.c=$(OUT)/%.o) $(TEST_HELP:%.c=$(OUT)/%.o) $(OUT)/libtidemill.a
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(OUT)/simulate $(OUT)/serve: $(OUT)/%: $(OUT)/tests/sim/%.o $(SIM_HELP:%.c=$(OUT)/%.o) $(TEST_HELP:%.c=$(OUT)/%.o) $(OUT)/libtidemill.a
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

simulations:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=$(SIM_FLAVOUR) simulation-binaries

simulation-binaries: $(SIM_BINS)

# What planning costs, in basic blocks that run (tests/cost/counted.h): pure code alone.
COUNTED   := $(filter $(addprefix $(OUT)/controller/,core/% api/% plan/%),$(LIBRARY)) \
             $(OUT)/tests/cost/counted.o
counted:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=counted $(BUILD)/counted/test_plan_cost $(BUILD)/counted/plan_cost

$(BUILD)/counted/test_%: $(BUILD)/counted/tests/cost/test_%.o $(COUNTED)
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka -lm

$(BUILD)/counted/plan_cost: $(BUILD)/counted/tests/cost/plan_cost.o $(COUNTED)
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Fuzz targets: with libFuzzer by clang, to look for new inputs; with a plain main and the unit
# tests' objects, to replay the kept ones.
fuzz-search:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=fuzz CC=clang $(FUZZ:tests/fuzz/fuzz_%.c=$(BUILD)/fuzz/search/%)

fuzz-replay:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=test $(FUZZ:tests/fuzz/fuzz_%.c=$(BUILD)/fuzz/replay/%)

$(BUILD)/fuzz/search/%: $(OUT)/tests/fuzz/fuzz_%.o $(FUZZ_HELP:%.c=$(OUT)/%.o) $(OUT)/libtidemill.a
	@mkdir -p $(@D)
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

$(BUILD)/fuzz/replay/%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/tests/fuzz/replay.o $(FUZZ_HELP:%.c=$(OUT)/%.o) $(OUT)/libtidemill.a
	@mkdir -p $(@D)
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What decoding costs: bench/decode.c.
$(OUT)/bench-decode: $(OUT)/bench/decode.o $(OUT)/tests/cost/watch_cost.o $(OUT)/libtidemill.a
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The load of bench/run --hooks.
$(OUT)/bench-deliver: $(OUT)/bench/deliver.o $(OUT)/libtidemill.a
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Small programs that tests use, e.g. build/test/schema_dump.
TOOLS     := $(sort $(wildcard tests/tools/*.c))
tools:
	@$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=test tool-binaries

tool-binaries: $(TOOLS:tests/tools/%.c=$(OUT)/tool/%)

$(OUT)/tool/%: $(OUT)/tests/tools/%.o $(OUT)/libtidemill.a
	@mkdir -p $(@D)
	@echo '  link $@'
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# `make one T=test_text` builds and runs a single unit test.
one:
	@$(MAKE) --no-print-directory -j$(JOBS) FLAVOUR=test $(BUILD)/test/$(T) && $(BUILD)/test/$(T)

# The second compiler: every object, warnings as errors.
clang-objects:
	@$(MAKE) --no-print-directory -k -j$(JOBS) FLAVOUR=clang CC=clang objects

objects: $(OBJECTS)

-include $(wildcard $(BUILD)/*/bench/*.d $(BUILD)/*/controller/*.d $(BUILD)/*/controller/*/*.d $(BUILD)/*/tests/*/*.d)

.PHONY: FORCE demo test install check sim endurance release sanitized bench soak cluster cluster-down images format test-list clean help \
        mutation unit-tests endurance-tests test-binaries tool-binaries clang-objects objects one tools simulations simulation-binaries \
        fuzz coverage counted fuzz-search fuzz-replay
