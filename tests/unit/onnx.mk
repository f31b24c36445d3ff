# SPDX-License-Identifier: MIT
#
# Tests of the ONNX importer.

unit-tests += onnx
onnx-objs := tests/unit/tiny_onnx.o libtnc.a
onnx-libs := $(tnc-libs)

$(addprefix $(B)/tests/unit/,onnx_test.o tiny_onnx.o): CPPFLAGS += -I.

unit-tests += onnx_models
onnx_models-objs := tests/unit/compiled.o tests/unit/models.o libtnc.a libtinynpu.a
onnx_models-libs := -ljansson $(tnc-libs) -ldrm -pthread

unit-tests += onnx_more
onnx_more-objs := tests/unit/compiled.o tests/unit/tiny_onnx.o libtnc.a libtinynpu.a
onnx_more-libs := $(tnc-libs) -ldrm -pthread -lm

unit-tests += onnx_random
onnx_random-objs := tests/unit/compiled.o libtnc.a libtinynpu.a
onnx_random-libs := $(tnc-libs) -ldrm -pthread

$(addprefix $(B)/tests/unit/,onnx_models_test.o \
	onnx_more_test.o onnx_random_test.o): \
	CPPFLAGS += -I. -Ilibtinynpu/include
