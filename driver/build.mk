# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of the driver with firmware that misbehaves; what is built for them.
# The module itself is built by the kernel's makefiles, see tools/build-module.

behaviours := \
	babbling \
	blaming \
	complaining \
	confused \
	corrupting \
	crashing \
	dawdling \
	deaf \
	declining \
	fickle \
	foreign \
	forgetful \
	lawless \
	numb \
	pretending \
	refusing \
	runahead \
	senile \
	silent \
	stillborn \
	storming \
	stubborn \
	stunned

hostile-images := $(patsubst %,$(B)/tests/hostile/%.bin,$(behaviours))
upper = $(shell echo $(1) | tr a-z A-Z)

$(B)/tests/hostile/%.o: tests/hostile/firmware.c firmware/io.h
	$(call say,FWCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_CC) -Iuapi $(FW_CFLAGS) -DBEHAVIOUR=$(call upper,$*) \
		-c -o $@ $<

$(B)/tests/hostile/%.elf: $(B)/tests/hostile/%.o \
		$(B)/firmware/target/start.o firmware/fw.lds
	$(call say,FWLD,$@)
	$(Q)$(FW_CC) -march=rv32imc -mabi=ilp32 -nostdlib -static \
		-Wl,--gc-sections,--fatal-warnings,--no-warn-rwx-segments \
		-Wl,-T,firmware/fw.lds -o $@ $(filter %.o,$^) -lgcc

$(B)/tests/hostile/%.bin: $(B)/tests/hostile/%.elf $(B)/firmware/mkimage
	$(call say,IMAGE,$@)
	$(Q)$(B)/firmware/mkimage -o $@ $<

vm-parts: $(hostile-images)
vm-tests += tests/vm/hostile
