# SPDX-License-Identifier: MIT
#
# Running the tests. Everything prints TAP and tests/run-tests sums it up.
#   $(host-tests)  run on the host; those below $(B) are built first
#   $(vm-tests)    boot the VM; they are run on the host, too

include tests/unit/build.mk
include tests/bench/build.mk
include tests/check.mk
include tests/fuzz/build.mk

host-tests += tests/check-runner

# Where is noted what has passed in the VM, which is not run again until something is
# different that it depends on (tests/inputs). Nowhere (PASSED=): all is run.
PASSED ?= $(B)/passed

JOBS ?= $(shell nproc)
submake = $(MAKE) --no-print-directory \
	$(if $(findstring jobserver,$(MAKEFLAGS)),,-j $(JOBS))
built-tests := $(filter $(B)/%,$(host-tests))
asan-tests := $(patsubst $(B)/%,$(B)/asan/%,$(filter $(B)/tests/unit/%,$(host-tests)))

vm-tests := tests/vm/device tests/vm/boot tests/vm/repeat tests/vm/kselftest \
	tests/vm/kselftest-brief tests/vm/tools \
	$(vm-tests) tests/vm/sleep tests/check-kernel tests/check-netlink

# Minutes each: all tests on kernels of our own and on others, fuzzing for longer; and
# the browser, which is large to install. coverage is kselftest-debug and more.
long-tests := tests/vm/coverage tests/vm/kselftest-kcsan tests/vm/kernels \
	tests/check-browser $(B)/tests/fuzz/long

setup-run:
	$(Q)tools/setup run

setup-check:
	$(Q)tools/setup check

setup-long:
	$(Q)tools/setup long

build-tests: all $(built-tests)

# On a fresh machine there is no compiler before the set-up has run, and the
# fragments look for libraries: hence a make of its own for each step.
check-host: setup-check
	$(Q)+$(submake) build-tests
	$(Q)tests/run-tests --log $(B)/log --jobs $(JOBS) $(host-tests)

# Other compilers and sanitizers in build directories of their own.
variants:
	$(Q)+$(submake) B=$(B)/clang CC=clang build-tests
	$(Q)+$(submake) B=$(B)/asan SAN=1 build-tests

check: setup-check
	$(Q)+$(submake) build-tests
	$(Q)+$(submake) variants
	$(Q)+$(submake) vm-parts
	$(Q)tools/build-module $(B) debug
	$(Q)tests/run-tests --log $(B)/log --jobs $(JOBS) --passed "$(PASSED)" \
		$(vm-tests) $(asan-tests) $(host-tests)

check-long: setup-long
	$(Q)+$(submake) build-tests
	$(Q)+$(submake) vm-parts $(B)/tests/fuzz/long
	$(Q)tools/build-module $(B) debug
	$(Q)tools/build-module $(B) kcsan
	$(Q)TEST_TIMEOUT=10800 tests/run-tests --log $(B)/log --jobs $(JOBS) \
		--passed "$(PASSED)" $(long-tests)

.PHONY: setup-run setup-check setup-long build-tests check-host variants check check-long
