# SPDX-License-Identifier: MIT
#
# Examples: programs that use the shared library as any application does.

examples := $(B)/examples/hello $(B)/examples/digits/digits

$(addsuffix .o,$(examples)): CPPFLAGS += -Ilibtinynpu/include

# Found beside the build's libraries, wherever the build is.
$(examples): %: %.o $(B)/libtinynpu.so
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -L$(B) -ltinynpu \
		-Wl,-rpath,$(abspath $(B)) $($(notdir $@)-example-libs)

digits-example-libs := -lpng -lm

$(B)/examples/digits/digits.tnp: examples/digits/digits.tflite $(B)/tools/tinynpu
	$(call say,COMPILE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(B)/tools/tinynpu compile $< -o $@ >/dev/null

$(B)/examples/plugin.so: $(B)/examples/plugin.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -o $@ $<

$(B)/examples/plugin.o: CPPFLAGS += -Ilibtinynpu/include

all: $(examples) $(B)/examples/plugin.so

# Recognise the example digits. On a fresh machine there is no compiler before
# the set-up has run: hence a make of its own for each step.
run: setup-run
	$(Q)+$(submake) $(B)/examples/digits/digits $(B)/examples/digits/digits.tnp
	$(Q)$(B)/examples/digits/digits $(B)/examples/digits/digits.tnp \
		examples/digits/labels.txt examples/digits/*_label*.png

.PHONY: run
