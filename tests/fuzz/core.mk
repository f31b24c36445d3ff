# SPDX-License-Identifier: MIT
#
# Fuzz targets of the machine: its processor alone, command streams with page
# tables, firmware images together with what a host does to the registers, and
# coded streams, with their encoder.

$(B)/tests/fuzz/rv32_fuzz.o: CPPFLAGS += -Idevice/core
rv32-fuzz-objs := libcore.a
rv32-fuzz-flags := -max_len=4096

$(B)/tests/fuzz/machine_commands_fuzz.o: CPPFLAGS += -Idevice/core
machine_commands-fuzz-objs := tests/unit/board.o libcore.a
machine_commands-fuzz-libs := -lnettle
machine_commands-fuzz-flags := -max_len=800 -timeout=60

$(B)/tests/fuzz/machine_firmware_fuzz.o: CPPFLAGS += -Idevice/core
machine_firmware-fuzz-objs := tests/unit/board.o libcore.a
machine_firmware-fuzz-libs := -lnettle
machine_firmware-fuzz-flags := -max_len=2048

$(B)/tests/fuzz/decode_fuzz.o: CPPFLAGS += -Icompiler -Idevice/core
decode-fuzz-objs := libtnc.a libcore.a
decode-fuzz-libs := $(tnc-libs)
decode-fuzz-flags := -max_len=4096
decode-fuzz-runs := 500
