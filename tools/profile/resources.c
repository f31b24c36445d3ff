// SPDX-License-Identifier: MIT
/* The report's style sheet and script, as data; the build gives their place. */
#define RESOURCE(name, file)                 \
	__asm__(".pushsection .rodata\n"     \
		".global " name "\n"         \
		name ":\n"                   \
		".incbin \"" file "\"\n"     \
		".global " name "_end\n"     \
		name "_end:\n"               \
		".popsection\n")

RESOURCE("profile_css", PROFILE_RESOURCES "/report.css");
RESOURCE("profile_js", PROFILE_RESOURCES "/report.js");
