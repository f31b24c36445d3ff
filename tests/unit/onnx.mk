# SPDX-License-Identifier: MIT
#
# Tests of the ONNX importer.

unit-tests += onnx
onnx-objs := tests/unit/tiny_onnx.o libtnc.a
onnx-libs := $(tnc-libs)

$(addprefix $(B)/tests/unit/,onnx_test.o tiny_onnx.o): CPPFLAGS += -I.
