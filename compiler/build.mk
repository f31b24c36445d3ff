# SPDX-License-Identifier: MIT
#
# libtnc.a: the compiler.

tnc-objs := \
	compiler/absorb.o \
	compiler/arena.o \
	compiler/broadcast.o \
	compiler/chain.o \
	compiler/chunks.o \
	compiler/code.o \
	compiler/cpu.o \
	compiler/cpu_attr.o \
	compiler/dead.o \
	compiler/depth.o \
	compiler/disasm.o \
	compiler/emit.o \
	compiler/emit_cpu.o \
	compiler/error.o \
	compiler/expand.o \
	compiler/estimate.o \
	compiler/flatbuffer.o \
	compiler/float_fold.o \
	compiler/float_fuse.o \
	compiler/flexbuffer.o \
	compiler/fold.o \
	compiler/fuse.o \
	compiler/geometry.o \
	compiler/graph.o \
	compiler/layout.o \
	compiler/legalise.o \
	compiler/live.o \
	compiler/loop.o \
	compiler/lower.o \
	compiler/lower_long.o \
	compiler/lower_onnx.o \
	compiler/lower_reduce.o \
	compiler/lower_rows.o \
	compiler/lower_shape.o \
	compiler/maps.o \
	compiler/matmul.o \
	compiler/matmul_wide.o \
	compiler/move.o \
	compiler/onnx.o \
	compiler/onnx_attr.o \
	compiler/onnx_build.o \
	compiler/onnx_control.o \
	compiler/onnx_conv.o \
	compiler/onnx_custom.o \
	compiler/onnx_einsum.o \
	compiler/onnx_formula.o \
	compiler/onnx_group.o \
	compiler/onnx_index.o \
	compiler/onnx_loop.o \
	compiler/onnx_math.o \
	compiler/onnx_matmul.o \
	compiler/onnx_move.o \
	compiler/onnx_ops.o \
	compiler/onnx_quant.o \
	compiler/onnx_recurrent.o \
	compiler/onnx_reduce.o \
	compiler/onnx_resize.o \
	compiler/onnx_shape.o \
	compiler/onnx_tensor.o \
	compiler/onnx_volume.o \
	compiler/onnx_wire.o \
	compiler/pack.o \
	compiler/partition.o \
	compiler/pass.o \
	compiler/place.o \
	compiler/plan.o \
	compiler/program.o \
	compiler/ptq.o \
	compiler/ptq_build.o \
	compiler/ptq_constant.o \
	compiler/ptq_float.o \
	compiler/ptq_measure.o \
	compiler/ptq_range.o \
	compiler/ptq_rule.o \
	compiler/ptq_sense.o \
	compiler/quantise.o \
	compiler/quantise_vector.o \
	compiler/recall.o \
	compiler/ref.o \
	compiler/ref_binary.o \
	compiler/ref_conv.o \
	compiler/ref_loop.o \
	compiler/ref_elementwise.o \
	compiler/ref_fixed.o \
	compiler/ref_move.o \
	compiler/ref_onnx.o \
	compiler/ref_resize.o \
	compiler/ref_rows.o \
	compiler/ref_sequence.o \
	compiler/ref_softmax.o \
	compiler/ref_unary.o \
	compiler/ref_view.o \
	compiler/resize.o \
	compiler/schedule.o \
	compiler/roll.o \
	compiler/segments.o \
	compiler/sequence.o \
	compiler/share.o \
	compiler/shuffle.o \
	compiler/state.o \
	compiler/steps.o \
	compiler/text_read.o \
	compiler/text_write.o \
	compiler/tflite.o \
	compiler/tflite_custom.o \
	compiler/tflite_control.o \
	compiler/tflite_import.o \
	compiler/tflite_move.o \
	compiler/tflite_state.o \
	compiler/tile.o \
	compiler/tnc.o \
	compiler/trim.o \
	compiler/unroll.o \
	compiler/unroll_lstm.o \
	compiler/unsigned.o \
	compiler/vector.o \
	compiler/verify.o \
	compiler/verify_move.o \
	compiler/verify_ops.o \
	compiler/verify_rows.o \
	compiler/verify_sequence.o \
	compiler/verify_vector.o \
	compiler/view.o \
	compiler/yield.o

# protobuf-c writes the reader of ONNX files from their published description.
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
tnc-onnx-objs := $(addprefix $(B)/,$(filter compiler/onnx%,$(tnc-objs)))
tnc-objs += compiler/onnx.pb-c.o

$(B)/compiler/onnx.pb-c.c: $(ONNX_PROTO)
	$(call say,PROTO,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(dir $<) --c_out=$(@D) $(notdir $<)

$(B)/compiler/onnx.pb-c.o: $(B)/compiler/onnx.pb-c.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -w -c -o $@ $<

$(tnc-onnx-objs): CPPFLAGS += -I$(B)/compiler
$(tnc-onnx-objs): $(B)/compiler/onnx.pb-c.c

$(B)/libtnc.a: $(addprefix $(B)/,$(tnc-objs) $(cpu-objs))
# What a program that uses libtnc.a links besides.
tnc-libs := -lprotobuf-c -lelf -lnettle -lm

all: $(B)/libtnc.a

# Plain loops over every multiplication of a network: let them be vectorised.
$(B)/compiler/ref_conv.o: CFLAGS += -O3

# Here the order of roundings is part of the result: none may be left out.
$(B)/compiler/ref_onnx.o: CFLAGS += -ffp-contract=off
