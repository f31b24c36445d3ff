/* SPDX-License-Identifier: MIT */
/*
 * The first instructions, and the way into a trap. The boot ROM has cleared all
 * memory that the payload does not fill.
 */
	.section .text.start, "ax"
	.globl _start
_start:
	la	t0, trap_entry
	csrw	mtvec, t0
	la	sp, stack_top
	call	main
	/* main() does not return. */
	ebreak

	/*
	 * The stack may be what is wrong (a deep one ends below the TCM and
	 * traps there), so a trap gets another.
	 */
	.balign 4
trap_entry:
	mv	a0, ra
	mv	a1, sp
	la	sp, trap_stack_top
	call	trap_crash
	ebreak
