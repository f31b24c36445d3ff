# SPDX-License-Identifier: MIT
#
# The virtual machine's parts. QEMU and the kernel live in the user's cache, not
# below $(B); the scripts find out by themselves whether there is work to do.

# Whatever the VM is made of.
vm-parts: setup-check
	$(Q)+$(submake) all vm-modules
	$(Q)device/qemu/build >/dev/null
	$(Q)tools/fetch-kernel image headers source >/dev/null

vm-modules:
	$(Q)tools/build-module $(B) vm

vm: vm-parts
	$(Q)tools/vm --share $(CURDIR)

# The module for a kernel of this machine: of the running one if its headers are
# installed, else of the VM's; or of KDIR.
KDIR ?= default
modules: setup-check
	$(Q)tools/build-module $(B) $(KDIR)

.PHONY: vm-parts vm-modules vm modules
