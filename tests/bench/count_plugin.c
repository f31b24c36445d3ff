// SPDX-License-Identifier: MIT
/*
 * A plugin for QEMU (TCG, one virtual processor): counts the instructions that
 * the guest executes and, at each mark (marks.h), writes a line "MARK COUNT" to
 * the file of its argument. Waiting processors execute nothing, so time that
 * passes in the guest's idle state does not count.
 *
 *	-plugin file=count_plugin.so,marks=FILE
 */
#include "marks.h"

#include <qemu-plugin.h>

#include <stdio.h>
#include <string.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static uint64_t instructions;
static FILE *marks;

static void write_mark(unsigned int vcpu, void *mark)
{
	fprintf(marks, "%u %" PRIu64 "\n", (unsigned int)(uintptr_t)mark,
		instructions);
}

/* The mark that an instruction is, or -1. */
static int mark_of(const struct qemu_plugin_insn *insn)
{
	static const char tag[] = BENCH_TAG;
	const unsigned char *bytes = qemu_plugin_insn_data(insn);
	size_t head = sizeof(BENCH_NOPL) - 1;

	if (qemu_plugin_insn_size(insn) != head + sizeof(tag) ||
	    memcmp(bytes, BENCH_NOPL, head) ||
	    memcmp(bytes + head + 1, tag, sizeof(tag) - 1) ||
	    bytes[head] >= BENCH_MARKS)
		return -1;
	return bytes[head];
}

/*
 * Counts instruction by instruction: a block of them may be left in the middle,
 * by a page fault or an access to a device.
 */
static void instrument(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, count = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		intptr_t mark = mark_of(insn);

		qemu_plugin_register_vcpu_insn_exec_inline(
			insn, QEMU_PLUGIN_INLINE_ADD_U64, &instructions, 1);
		if (mark >= 0)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, write_mark, QEMU_PLUGIN_CB_NO_REGS,
				(void *)mark);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
			char **argv)
{
	static const char option[] = "marks=";

	if (argc != 1 || strncmp(argv[0], option, sizeof(option) - 1)) {
		fprintf(stderr, "count_plugin: marks=FILE, please\n");
		return -1;
	}
	if (!info->system_emulation || info->system.smp_vcpus != 1) {
		fprintf(stderr, "count_plugin: one processor, please\n");
		return -1;
	}
	marks = fopen(argv[0] + sizeof(option) - 1, "w");
	if (!marks) {
		perror(argv[0]);
		return -1;
	}
	setlinebuf(marks);
	qemu_plugin_register_vcpu_tb_trans_cb(id, instrument);
	return 0;
}
