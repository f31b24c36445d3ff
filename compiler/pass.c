// SPDX-License-Identifier: MIT
/*
 * The list of passes over the graph, in their order, and the runner: after
 * each pass comes the verifier and, when its letter was asked for, a dump.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"

/* Letter, function, whether only models that are to be quantised need it. */
#define PASSES(X) \
	X('t', tnc_pass_layout, false) \
	X('f', tnc_pass_fold, false) \
	X('n', tnc_pass_merge, true) \
	X('q', tnc_pass_quantise, true) \
	X('s', tnc_pass_state, false) \
	X('c', tnc_pass_partition, false) \
	X('u', tnc_pass_unroll, false) \
	X('a', tnc_pass_absorb, false) \
	X('e', tnc_pass_expand, false) \
	X('l', tnc_pass_legalise, false) \
	X('d', tnc_pass_depth, false) \
	X('v', tnc_pass_view, false) \
	X('o', tnc_pass_fuse, false)

static const struct pass {
	char letter;
	void (*run)(struct tnc *c);
	bool is_quantising;
} passes[] = {
#define X(letter, run, is_quantising) { letter, run, is_quantising },
	PASSES(X)
#undef X
};

const char *tnc_pass_letters(void)
{
	static const char letters[] = {
#define X(letter, run, is_quantising) letter,
		PASSES(X)
#undef X
		0
	};

	return letters;
}

void tnc_dump(struct tnc *c, char letter)
{
	if (!c->options.dump || !strchr(c->options.dump, letter))
		return;
	fprintf(c->options.dump_to, "# after pass %c\n", letter);
	tnc_text_write(c, c->options.dump_to);
}

void tnc_pass_run(struct tnc *c, char letter)
{
	for (int i = 0; i < TNC_ARRAY_SIZE(passes); i++) {
		if (passes[i].letter != letter)
			continue;
		passes[i].run(c);
		tnc_verify(c);
		tnc_dump(c, letter);
		return;
	}
	tnc_error(c, -EINVAL, "there is no pass '%c'", letter);
}

/* The passes after the one that decides what is compiled for the machine. */
static int first_of_rest(void)
{
	int i = 0;

	while (passes[i++].run != tnc_pass_partition)
		;
	return i;
}

static void run_some(struct tnc *c, int first, int end)
{
	for (int i = first; i < end; i++)
		if (c->options.quantise || !passes[i].is_quantising)
			tnc_pass_run(c, passes[i].letter);
}

/* Up to the quantisation, which is the last pass of its kind. */
void tnc_pass_run_quantising(struct tnc *c)
{
	int end = 0;

	while (passes[end++].run != tnc_pass_quantise)
		;
	run_some(c, 0, end);
}

void tnc_pass_run_first(struct tnc *c)
{
	run_some(c, 0, first_of_rest());
}

void tnc_pass_run_rest(struct tnc *c)
{
	run_some(c, first_of_rest(), TNC_ARRAY_SIZE(passes));
}
