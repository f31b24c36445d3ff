# SPDX-License-Identifier: MIT
#
# Tests of the DMA, MAC and VEC units.

unit-tests += addition
addition-objs := tests/unit/engine.o libcore.a

unit-tests += decode
decode-objs := tests/unit/engine.o libtnc.a libcore.a
decode-libs := $(tnc-libs)

unit-tests += gather
gather-objs := tests/unit/engine.o libcore.a

unit-tests += dma
dma-objs := tests/unit/engine.o libcore.a

unit-tests += buffer
buffer-objs := tests/unit/engine.o libcore.a

unit-tests += kernels
kernels-objs := libcore.a
kernels-libs := -lm

unit-tests += mac
mac-objs := tests/unit/engine.o libcore.a

unit-tests += vec
vec-objs := tests/unit/engine.o tests/unit/models.o libcore.a
vec-libs := -ljansson -lm

unit-tests += resize
resize-objs := tests/unit/engine.o libcore.a
resize-libs := -lm

unit-tests += vprog
vprog-objs := tests/unit/engine.o libcore.a
vprog-libs := -lm

$(addprefix $(B)/tests/unit/,addition_test.o buffer_test.o decode_test.o dma_test.o engine.o \
	gather_test.o kernels_test.o mac_test.o resize_test.o vec_test.o vprog_test.o): CPPFLAGS += -Idevice/core
$(B)/tests/unit/decode_test.o: CPPFLAGS += -I. -Icompiler
