# SPDX-License-Identifier: MIT
#
# Tests of the compiler. Those that run programs link the library.

unit-tests += compile
compile-objs := tests/unit/compiled.o tests/unit/models.o libtnc.a libtinynpu.a
compile-libs := -ljansson $(tnc-libs) -ldrm -pthread

unit-tests += yield
yield-objs := tests/unit/models.o libtnc.a libtinynpu.a
yield-libs := -ljansson $(tnc-libs) -ldrm -pthread

unit-tests += custom
custom-objs := tests/unit/built_tflite.o tests/unit/flat_writer.o \
	tests/unit/tiny_onnx.o libtnc.a libtinynpu.a
custom-libs := $(tnc-libs) -ldrm -pthread
$(B)/tests/unit/custom_test: | $(B)/tools/tinynpu $(B)/examples/plugin.so

unit-tests += loop
loop-objs := libtnc.a libtinynpu.a
loop-libs := $(tnc-libs) -ldrm -pthread

unit-tests += depth
depth-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a libtinynpu.a
depth-libs := $(tnc-libs) -ldrm -pthread

unit-tests += float
float-objs := tests/unit/models.o libtnc.a
float-libs := -ljansson $(tnc-libs)

unit-tests += expand
expand-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a libtinynpu.a
expand-libs := $(tnc-libs) -ldrm -pthread

unit-tests += flexbuffer
flexbuffer-objs := libtnc.a
flexbuffer-libs := $(tnc-libs)

unit-tests += graph
graph-objs := tests/unit/models.o libtnc.a
graph-libs := -ljansson $(tnc-libs)

unit-tests += merge
merge-objs := tests/unit/float_graph.o libtnc.a
merge-libs := $(tnc-libs)

unit-tests += move
move-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a libtinynpu.a
move-libs := $(tnc-libs) -ldrm -pthread

unit-tests += partition
partition-objs := tests/unit/against.o tests/unit/compiled.o \
	tests/unit/models.o libtnc.a libtinynpu.a
partition-libs := -ljansson $(tnc-libs) -ldrm -pthread

unit-tests += ptq
ptq-objs := tests/unit/compiled.o tests/unit/float_graph.o tests/unit/models.o \
	libtnc.a libtinynpu.a
ptq-libs := -ljansson $(tnc-libs) -ldrm -pthread

unit-tests += random
random-objs := tests/unit/compiled.o libtnc.a libtinynpu.a
random-libs := $(tnc-libs) -ldrm -pthread

unit-tests += random_mix
random_mix-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a libtinynpu.a
random_mix-libs := $(tnc-libs) -ldrm -pthread

unit-tests += random_products
random_products-objs := tests/unit/compiled.o libtnc.a libtinynpu.a
random_products-libs := $(tnc-libs) -ldrm -pthread

unit-tests += random_gather
random_gather-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a \
	libtinynpu.a
random_gather-libs := $(tnc-libs) -ldrm -pthread

unit-tests += random_rows
random_rows-objs := tests/unit/compiled.o libtnc.a libtinynpu.a
random_rows-libs := $(tnc-libs) -ldrm -pthread

unit-tests += random_vector
random_vector-objs := tests/unit/compiled.o libtnc.a libtinynpu.a
random_vector-libs := $(tnc-libs) -ldrm -pthread

unit-tests += ref_real
ref_real-objs := libtnc.a
ref_real-libs := $(tnc-libs)

unit-tests += ref
ref-objs := tests/unit/models.o libtnc.a
ref-libs := -ljansson $(tnc-libs)

unit-tests += sequence
sequence-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a \
	libtinynpu.a
sequence-libs := $(tnc-libs) -ldrm -pthread

unit-tests += state
state-objs := tests/unit/against.o tests/unit/compiled.o libtnc.a libtinynpu.a
state-libs := $(tnc-libs) -ldrm -pthread

unit-tests += tflite
tflite-objs := tests/unit/flat_writer.o tests/unit/models.o \
	tests/unit/tiny_tflite.o libtnc.a
tflite-libs := -ljansson $(tnc-libs)

unit-tests += trim
trim-objs := tests/unit/models.o libtnc.a
trim-libs := -ljansson $(tnc-libs)

unit-tests += weights
weights-objs := tests/unit/models.o libtnc.a
weights-libs := -ljansson $(tnc-libs)

unit-tests += tflite_state
tflite_state-objs := tests/unit/built_tflite.o tests/unit/flat_writer.o libtnc.a
tflite_state-libs := $(tnc-libs)

# What includes the compiler's and the library's headers.
$(addprefix $(B)/tests/unit/, \
	against.o \
	compile_test.o \
	compiled.o \
	custom_test.o \
	depth_test.o \
	expand_test.o \
	flexbuffer_test.o \
	float_graph.o \
	float_test.o \
	graph_test.o \
	loop_test.o \
	merge_test.o \
	models.o \
	move_test.o \
	partition_test.o \
	ptq_test.o \
	random_mix_test.o \
	random_products_test.o \
	random_test.o \
	random_gather_test.o \
	random_rows_test.o \
	random_vector_test.o \
	ref_real_test.o \
	ref_test.o \
	sequence_test.o \
	state_test.o \
	tflite_state_test.o \
	tflite_test.o \
	tiny_tflite.o \
	trim_test.o \
	verify_test.o \
	weights_test.o \
	yield_test.o): \
	CPPFLAGS += -I. -Ilibtinynpu/include

# Of the tool, but it is about what the compiler makes.
unit-tests += verify
verify-objs := tools/tool.o tools/verify.o libtnc.a libtinynpu.a
verify-libs := $(tnc-libs) -ldrm -pthread

# Golden text tests of the passes: the script lies beside its program.
$(B)/tests/golden/pass.o: CPPFLAGS += -I.
$(B)/tests/golden/pass: $(B)/tests/golden/pass.o $(B)/libtnc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(tnc-libs)

$(B)/tests/golden/check: tests/golden/check $(B)/tests/golden/pass
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

host-tests += $(B)/tests/golden/check

# The manual's table of operators, made by compiling each of them.
$(B)/tests/operators/table.o: CPPFLAGS += -I.
$(B)/tests/operators/table: $(B)/tests/operators/table.o $(B)/libtnc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(tnc-libs)

$(B)/tests/operators/check: tests/operators/check $(B)/tests/operators/table
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

host-tests += $(B)/tests/operators/check
