# SPDX-License-Identifier: MIT
#
# The kernel module, built by the kernel's own makefiles in $(B)/kmod/RELEASE/.
#
#   make modules             against the running kernel, else the VM's
#   make modules KDIR=DIR    against the headers in DIR
#   make modules W=1 C=1     with the kernel's extra warnings and sparse

modules:
	$(call say,MODULE,driver/tinynpu.ko)
	$(Q)tools/build-module $(B) $(or $(KDIR),default) \
		$(if $(W),W=$(W)) $(if $(C),C=$(C))

.PHONY: modules
