# SPDX-License-Identifier: MIT

include tests/unit/build.mk
