# SPDX-License-Identifier: MIT
#
# The firmware image, $(B)/firmware/tinynpu.bin, for the controller;
# tinynpu-abi1.bin, which is the same as the driver sees it when it speaks the
# first protocol only; and libfirmware.a, the parts that also run on the host.

FW_CROSS ?= riscv64-unknown-elf-
FW_CC := $(FW_CROSS)gcc

# Parts that touch nothing but io.h
fw-host-objs := \
	firmware/account.o \
	firmware/admin.o \
	firmware/boot.o \
	firmware/engine.o \
	firmware/limits.o \
	firmware/line.o \
	firmware/log.o \
	firmware/power.o \
	firmware/ring.o \
	firmware/sched.o \
	firmware/user_ring.o

fw-target-objs := \
	$(fw-host-objs) \
	firmware/main.o \
	firmware/mem.o \
	firmware/start.o \
	firmware/trap.o

fw-objs := $(patsubst firmware/%,$(B)/firmware/target/%,$(fw-target-objs))
fw-abi1-objs := $(patsubst firmware/%,$(B)/firmware/abi1/%,$(fw-target-objs))

# The sanitizers' flags in CFLAGS are the host's: these stand alone.
FW_CFLAGS := -std=gnu11 -march=rv32imc_zicsr -mabi=ilp32 -O3 -g \
	-ffreestanding -fno-strict-aliasing \
	-fno-tree-loop-distribute-patterns \
	-ffunction-sections -fdata-sections -fstack-usage $(WARN) \
	-ffile-prefix-map=$(CURDIR)/=

all: $(B)/firmware/tinynpu.bin $(B)/firmware/tinynpu-abi1.bin

define fw-compile
	$(call say,FWCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_CC) -Iuapi $(FW_CFLAGS) -MMD -MP -c -o $@ $<
endef

$(B)/firmware/target/%.o: firmware/%.c
	$(fw-compile)

$(B)/firmware/target/%.o: firmware/%.S
	$(fw-compile)

$(B)/firmware/abi1/%.o: FW_CFLAGS += -DFW_ABI_MAX=1
$(B)/firmware/abi1/%.o: firmware/%.c
	$(fw-compile)

$(B)/firmware/abi1/%.o: firmware/%.S
	$(fw-compile)

# libgcc (64-bit division) has no variant of its own for zicsr.
define fw-link
	$(call say,FWLD,$@)
	$(Q)$(FW_CC) -march=rv32imc -mabi=ilp32 -nostdlib -static \
		-Wl,--gc-sections,--fatal-warnings,--no-warn-rwx-segments \
		-Wl,-Map=$(@:.elf=.map),-T,firmware/fw.lds \
		-o $@ $(filter %.o,$^) -lgcc
endef

$(B)/firmware/tinynpu.elf: $(fw-objs) firmware/fw.lds
	$(fw-link)

$(B)/firmware/tinynpu-abi1.elf: $(fw-abi1-objs) firmware/fw.lds
	$(fw-link)

$(B)/firmware/mkimage: $(B)/firmware/mkimage.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lelf -lnettle

$(B)/firmware/tinynpu.bin: $(B)/firmware/tinynpu.elf $(B)/firmware/mkimage
	$(call say,IMAGE,$@)
	$(Q)$(B)/firmware/mkimage -o $@ $<

$(B)/firmware/tinynpu-abi1.bin: $(B)/firmware/tinynpu-abi1.elf \
		$(B)/firmware/mkimage
	$(call say,IMAGE,$@)
	$(Q)$(B)/firmware/mkimage --abi-max 1 -o $@ $<

$(B)/libfirmware.a: $(addprefix $(B)/,$(fw-host-objs))
