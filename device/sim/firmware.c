// SPDX-License-Identifier: MIT
/*
 * The firmware image as built, in the library's read-only data. The build gives
 * its path as SIM_FIRMWARE_IMAGE.
 */
#include "sim.h"

__asm__(".pushsection .rodata\n"
	".global sim_firmware\n"
	".hidden sim_firmware\n"
	".balign 8\n"
	"sim_firmware:\n"
	".incbin \"" SIM_FIRMWARE_IMAGE "\"\n"
	".global sim_firmware_end\n"
	".hidden sim_firmware_end\n"
	"sim_firmware_end:\n"
	".popsection\n");
