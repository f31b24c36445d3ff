# SPDX-License-Identifier: MIT
#
# The firmware image, $(B)/firmware/tinynpu.bin, for the controller; and
# libfirmware.a, the parts of it that also run on the host, for tests.

FW_CROSS ?= riscv64-unknown-elf-
FW_CC := $(FW_CROSS)gcc

# Parts that touch nothing but io.h
fw-host-objs := \
	firmware/account.o \
	firmware/admin.o \
	firmware/boot.o \
	firmware/engine.o \
	firmware/line.o \
	firmware/log.o \
	firmware/ring.o \
	firmware/sched.o

fw-target-objs := \
	$(fw-host-objs) \
	firmware/main.o \
	firmware/mem.o \
	firmware/start.o \
	firmware/trap.o

fw-objs := $(patsubst firmware/%,$(B)/firmware/target/%,$(fw-target-objs))

# The sanitizers' flags in CFLAGS are the host's: these stand alone.
FW_CFLAGS := -std=gnu11 -march=rv32imc_zicsr -mabi=ilp32 -Os -g \
	-ffreestanding -fno-strict-aliasing \
	-fno-tree-loop-distribute-patterns \
	-ffunction-sections -fdata-sections -fstack-usage $(WARN) \
	-ffile-prefix-map=$(CURDIR)/=

all: $(B)/firmware/tinynpu.bin

$(B)/firmware/target/%.o: firmware/%.c
	$(call say,FWCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_CC) -Iuapi $(FW_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/firmware/target/%.o: firmware/%.S
	$(call say,FWAS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_CC) $(FW_CFLAGS) -MMD -MP -c -o $@ $<

# libgcc (64-bit division) has no variant of its own for zicsr.
$(B)/firmware/tinynpu.elf: $(fw-objs) firmware/fw.lds
	$(call say,FWLD,$@)
	$(Q)$(FW_CC) -march=rv32imc -mabi=ilp32 -nostdlib -static \
		-Wl,--gc-sections,--fatal-warnings,--no-warn-rwx-segments \
		-Wl,-Map=$(@:.elf=.map),-T,firmware/fw.lds \
		-o $@ $(fw-objs) -lgcc

$(B)/firmware/mkimage: $(B)/firmware/mkimage.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lelf -lnettle

$(B)/firmware/tinynpu.bin: $(B)/firmware/tinynpu.elf $(B)/firmware/mkimage
	$(call say,IMAGE,$@)
	$(Q)$(B)/firmware/mkimage -o $@ $<

$(B)/libfirmware.a: $(addprefix $(B)/,$(fw-host-objs))
