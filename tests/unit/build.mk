# SPDX-License-Identifier: MIT
#
# Unit tests: one program for each name in $(unit-tests), made of
# tests/unit/NAME_test.c, $(NAME-objs) (below $(B)) and $(NAME-libs).

-include $(sort $(filter-out tests/unit/build.mk,$(wildcard tests/unit/*.mk)))

define unit-test
$(B)/tests/unit/$(1)_test: $(B)/tests/unit/$(1)_test.o $(addprefix $(B)/,$($(1)-objs))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $($(1)-libs) -lcmocka
host-tests += $(B)/tests/unit/$(1)_test
endef
$(foreach t,$(sort $(unit-tests)),$(eval $(call unit-test,$(t))))
