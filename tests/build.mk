# SPDX-License-Identifier: MIT

include tests/unit/build.mk
include tests/check.mk
include tests/fuzz/build.mk
