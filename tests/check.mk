# SPDX-License-Identifier: MIT
#
# Checks that are scripts and print TAP. Included by tests/build.mk.

host-tests += tests/check-digits
