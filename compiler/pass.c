// SPDX-License-Identifier: MIT
/*
 * The list of passes over the graph, in their order, and the runner: after
 * each pass comes the verifier and, when its letter was asked for, a dump.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"

#define PASSES(X) \
	X('t', tnc_pass_layout) \
	X('f', tnc_pass_fold) \
	X('s', tnc_pass_state) \
	X('c', tnc_pass_partition) \
	X('a', tnc_pass_absorb) \
	X('e', tnc_pass_expand) \
	X('l', tnc_pass_legalise) \
	X('v', tnc_pass_view)

static const struct pass {
	char letter;
	void (*run)(struct tnc *c);
} passes[] = {
#define X(letter, run) { letter, run },
	PASSES(X)
#undef X
};

const char *tnc_pass_letters(void)
{
	static const char letters[] = {
#define X(letter, run) letter,
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

void tnc_pass_run_first(struct tnc *c)
{
	for (int i = 0; i < first_of_rest(); i++)
		tnc_pass_run(c, passes[i].letter);
}

void tnc_pass_run_rest(struct tnc *c)
{
	for (int i = first_of_rest(); i < TNC_ARRAY_SIZE(passes); i++)
		tnc_pass_run(c, passes[i].letter);
}
