# SPDX-License-Identifier: MIT
#
# The core's units: DMA, MAC with its loops for each kind of host, VEC.

core-objs += \
	device/core/binary.o \
	device/core/conv.o \
	device/core/conv16.o \
	device/core/conv_gather.o \
	device/core/dma.o \
	device/core/dma_decode.o \
	device/core/dma_gather.o \
	device/core/dma_memo.o \
	device/core/dwconv.o \
	device/core/dwconv_wide.o \
	device/core/kernels/avx2.o \
	device/core/kernels/avx2_wide.o \
	device/core/kernels/avx512.o \
	device/core/kernels/avx512_wide.o \
	device/core/kernels/neon.o \
	device/core/kernels/portable.o \
	device/core/kernels/select.o \
	device/core/mac.o \
	device/core/mac_output.o \
	device/core/operands.o \
	device/core/vec.o \
	device/core/vec_binary.o \
	device/core/vec_lanes.o \
	device/core/vec_pool.o \
	device/core/vec_program.o \
	device/core/vec_resize.o \
	device/core/vec_softmax.o \
	device/core/vec_verify.o

$(B)/device/core/kernels/%.o: CFLAGS += -O3
$(B)/device/core/binary.o: CFLAGS += -O3
$(B)/device/core/conv16.o: CFLAGS += -O3
$(B)/device/core/conv_gather.o: CFLAGS += -O3
$(B)/device/core/dma_decode.o: CFLAGS += -O3
$(B)/device/core/dwconv_wide.o: CFLAGS += -O3
$(B)/device/core/mac_output.o: CFLAGS += -O3
$(B)/device/core/vec_%.o: CFLAGS += -O3
