# SPDX-License-Identifier: MIT
#
# Fuzzing: one libFuzzer program for each tests/fuzz/NAME_fuzz.c, made with
# clang, ASan and UBSan in a build directory of its own, $(B)/fuzz.
#
#   make fuzz FUZZ_SECONDS=60    each target for that long; fails upon a finding
#   make fuzz FUZZ=tflite        only the named targets
#
# What a target needs is said in tests/fuzz/*.mk or its area's fragment:
#   NAME-fuzz-objs    objects and archives, below $(B)
#   NAME-fuzz-libs    libraries
#   NAME-fuzz-seeds   files of the tree to start from, besides those in
#                     tests/fuzz/seeds/NAME/ (inputs that once found something)
#   NAME-fuzz-flags   options for libFuzzer, such as -max_len=4096
#   NAME-fuzz-runs    how many inputs `make check-host` tries (default 2000)
#
# What was found stays in $(B)/corpus/NAME-*, the corpus in $(B)/corpus/NAME/.

-include $(sort $(filter-out tests/fuzz/build.mk,$(wildcard tests/fuzz/*.mk)))

FUZZ_SECONDS ?= 60
FUZZ_RUNS := 2000
FUZZ ?= $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))

fuzz_make = +$(Q)$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang SAN= \
	FUZZ_BUILD=1 FUZZ_CORPUS=$(B)/corpus FUZZ='$(FUZZ)'

# $(call fuzz_args,NAME,LIMIT): the arguments of tests/fuzz/run for a target.
fuzz_args = $1 $(B)/tests/fuzz/$1_fuzz $(FUZZ_CORPUS) \
	'$(strip $2 $($1-fuzz-flags))' \
	$($1-fuzz-seeds) $(wildcard tests/fuzz/seeds/$1/*)

ifeq ($(FUZZ_BUILD),)

fuzz:
	$(fuzz_make) -k fuzz-run FUZZ_SECONDS=$(FUZZ_SECONDS)

# A TAP script with a line for each target; built anew each time, since only
# the other build directory knows what is out of date.
$(B)/tests/fuzz/check: fuzz-check-program
fuzz-check-program:
	$(fuzz_make) fuzz-check-program FUZZ_CHECK=$(B)/tests/fuzz/check

# Likewise for FUZZ_SECONDS each: `make check-long`.
$(B)/tests/fuzz/long: fuzz-long-program
fuzz-long-program:
	$(fuzz_make) fuzz-check-program FUZZ_CHECK=$(B)/tests/fuzz/long \
		FUZZ_LIMIT=-max_total_time=$(FUZZ_SECONDS)

# The fuzzing build has the sanitizers on; one host build brings it along.
ifeq ($(SAN)$(filter-out gcc,$(CC)),)
ifneq ($(FUZZ),)
host-tests += $(B)/tests/fuzz/check
endif
endif

.PHONY: fuzz fuzz-check-program fuzz-long-program

else

CFLAGS += -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=fuzzer-no-link,address,undefined

define fuzz-target
$(B)/tests/fuzz/$(1)_fuzz.o: CPPFLAGS += -I.
$(B)/tests/fuzz/$(1)_fuzz: $(B)/tests/fuzz/$(1)_fuzz.o $(addprefix $(B)/,$($(1)-fuzz-objs))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) -fsanitize=fuzzer,address,undefined -o $$@ $$^ $($(1)-fuzz-libs)

fuzz-run-$(1): $(B)/tests/fuzz/$(1)_fuzz
	$$(Q)tests/fuzz/run $$(call fuzz_args,$(1),-max_total_time=$$(FUZZ_SECONDS))

.PHONY: fuzz-run-$(1)
endef
$(foreach t,$(FUZZ),$(eval $(call fuzz-target,$(t))))

fuzz-run: $(addprefix fuzz-run-,$(FUZZ))

fuzz-check-program: $(foreach t,$(FUZZ),$(B)/tests/fuzz/$(t)_fuzz)
	$(Q)mkdir -p $(dir $(FUZZ_CHECK))
	$(Q)printf '%s\n' '#!/bin/sh' 'n=0; status=0' 'echo 1..$(words $(FUZZ))' \
		'try() { n=$$((n + 1)); TAP=$$n tests/fuzz/run "$$@" || status=1; }' \
		$(foreach t,$(FUZZ),"try $(call fuzz_args,$(t),$(or $(FUZZ_LIMIT), \
			-seed=1 -runs=$(or $($(t)-fuzz-runs),$(FUZZ_RUNS))))") \
		'exit $$status' > $(FUZZ_CHECK)
	$(Q)chmod +x $(FUZZ_CHECK)

.PHONY: fuzz-run fuzz-check-program

endif
