# SPDX-License-Identifier: MIT
#
# Tests of the ONNX importer.

unit-tests += onnx
onnx-objs := tests/unit/tiny_onnx.o libtnc.a
onnx-libs := $(tnc-libs)

$(addprefix $(B)/tests/unit/,onnx_test.o tiny_onnx.o): CPPFLAGS += -I.

unit-tests += onnx_models
onnx_models-objs := tests/unit/models.o libtnc.a
onnx_models-libs := -ljansson $(tnc-libs)

$(B)/tests/unit/onnx_models_test.o: CPPFLAGS += -I.
