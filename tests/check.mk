# SPDX-License-Identifier: MIT
#
# Checks that are scripts and print TAP. Included by tests/build.mk.

host-tests += \
	tests/check-digits \
	tests/check-docs \
	tests/check-includes \
	tests/check-style

# It looks at the libraries beside which it lies; sanitizers add symbols. And they are
# not there for other processors.
ifeq ($(SAN),)
host-tests += $(B)/tests/check-symbols tests/check-neon
endif

$(B)/tests/check-symbols: tests/check-symbols $(B)/libtinynpu.so $(B)/libtinynpu.a
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

# Too slow for check-host: only `make check` runs these lists together.
vm-tests += tests/check-train
