# SPDX-License-Identifier: MIT
#
# The ONNX importer. Its seeds are small models without their first two bytes.

onnx-fuzz-objs := libtnc.a
onnx-fuzz-libs := $(tnc-libs)
onnx-fuzz-flags := -max_len=8192

$(B)/tests/fuzz/onnx_fuzz.o: CPPFLAGS += -I.
