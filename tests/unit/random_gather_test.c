// SPDX-License-Identifier: MIT
/*
 * Random graphs in which rows are chosen by indices that are computed: tables that
 * are constants, inputs or views of others, of one to five dimensions, along any axis,
 * with lists for each batch or for all, on machines of all sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "against.h"

#define GRAPHS 400
#define RANK_MAX 4

struct maker {
	uint64_t seed;
	FILE *to;
	const char *type;	/* of the table */
	const char *index_type;
	int rank;
	int shape[RANK_MAX];
	int axis;
	int batches;
	int list_rank;		/* of the indices */
	int list[RANK_MAX];
};

static int pick(struct maker *m, int least, int most)
{
	return against_random(&m->seed, least, most);
}

static void put_shape(struct maker *m, const int *shape, int rank)
{
	fputs(" [", m->to);
	for (int d = 0; d < rank; d++)
		fprintf(m->to, "%s%d", d ? "," : "", shape[d]);
	fputs("]", m->to);
}

static void declare(struct maker *m, const char *what, int id, const int *shape,
		    int rank)
{
	fprintf(m->to, "%s %%%d %s", what, id, m->type);
	put_shape(m, shape, rank);
	fprintf(m->to, " q=[0.5:0] name=\"t%d\"\n", id);
}

static void choose(struct maker *m)
{
	static const char *const index_types[] = { "int32", "int8", "int16" };

	m->type = pick(m, 0, 3) ? "int8" : "int16";
	m->index_type = index_types[pick(m, 0, 2)];
	m->rank = pick(m, 1, RANK_MAX);
	for (int d = 0; d < m->rank; d++)
		m->shape[d] = pick(m, 1, pick(m, 0, 3) ? 6 : 20);
	m->axis = pick(m, 0, m->rank - 1);
	m->shape[m->axis] = pick(m, 1, 40);
	m->batches = pick(m, 0, 2) ? 0 : pick(m, 0, m->axis);
	m->list_rank = pick(m, m->batches, m->batches + 1 > 2 ? 3 : 2);
	if (m->list_rank + m->rank - m->batches > 6)
		m->list_rank = m->batches;
	for (int d = 0; d < m->list_rank; d++)
		m->list[d] = d < m->batches ? m->shape[d] : pick(m, 1, 9);
}

/* The axis of the table has as many places as there are scores for each index. */
static void put_indices(struct maker *m)
{
	int scores[RANK_MAX + 1];

	for (int d = 0; d < m->list_rank; d++)
		scores[d] = m->list[d];
	scores[m->list_rank] = m->shape[m->axis];
	fputs("tensor %0 int8", m->to);
	put_shape(m, scores, m->list_rank + 1);
	fputs(" q=[0.5:0] name=\"scores\"\ninput %0\ntensor %6 int32", m->to);
	put_shape(m, m->list, m->list_rank);
	fprintf(m->to, " name=\"places\"\ntensor %%1 %s", m->index_type);
	put_shape(m, m->list, m->list_rank);
	fprintf(m->to, " name=\"indices\"\narg_max %%6 = %%0 axis=%d source=0\n"
		"cast %%1 = %%6 source=4\n", m->list_rank);
}

static void put_bytes(struct maker *m, int id, int64_t bytes)
{
	fprintf(m->to, "data %%%d\n", id);
	for (int64_t i = 0; i < bytes; i++)
		fprintf(m->to, "%02x%s", pick(m, 0, 255), i % 32 == 31 ? "\n" : "");
	fputs("\nend\n", m->to);
}

/* Returns the tensor's number; a constant's data come last. */
static int put_table(struct maker *m, bool is_constant)
{
	int wide[RANK_MAX] = { 0 };
	int how = is_constant ? 0 : pick(m, 0, 2);

	if (how == 2 && m->rank < 2)
		how = 1;
	for (int d = 0; d < m->rank; d++)
		wide[d] = m->shape[d] + (how == 1 ? pick(m, 0, 2) : 0);
	if (how == 2) { /* the last two dimensions change places */
		wide[m->rank - 1] = m->shape[m->rank - 2];
		wide[m->rank - 2] = m->shape[m->rank - 1];
	}
	declare(m, is_constant ? "const" : "tensor", 2, wide, m->rank);
	if (is_constant)
		return 2;
	fputs("input %2\n", m->to);
	if (!how)
		return 2;
	declare(m, "tensor", 3, m->shape, m->rank);
	fprintf(m->to, "%s %%3 = %%2 %s=", how == 1 ? "slice" : "transpose",
		how == 1 ? "begin" : "perm");
	for (int d = 0; d < m->rank; d++) {
		int entry = how == 1 ? wide[d] - m->shape[d] : d;

		if (how == 2 && d >= m->rank - 2)
			entry = 2 * m->rank - 3 - d;
		fprintf(m->to, "%s%d", d ? "," : "", entry);
	}
	fputs(how == 1 ? " step=" : "", m->to);
	for (int d = 0; how == 1 && d < m->rank; d++)
		fprintf(m->to, "%s1", d ? "," : "");
	fputs(" source=1\n", m->to);
	return 3;
}

static void put_gather(struct maker *m, int table)
{
	int shape[2 * RANK_MAX], rank = 0;

	for (int d = 0; d < m->axis; d++)
		shape[rank++] = m->shape[d];
	for (int d = m->batches; d < m->list_rank; d++)
		shape[rank++] = m->list[d];
	for (int d = m->axis + 1; d < m->rank; d++)
		shape[rank++] = m->shape[d];
	declare(m, "tensor", 4, shape, rank);
	declare(m, "tensor", 5, shape, rank);
	fprintf(m->to, "gather %%4 = %%%d %%1 axis=%d batch_dims=%d source=2\n",
		table, m->axis, m->batches);
	fputs("maximum %5 = %4 %4 act=none source=3\noutput %5\noutput %1\n",
	      m->to);
}

static void test_random(void **state)
{
	struct maker m = { .seed = 77 };

	for (int i = 0; i < GRAPHS; i++) {
		struct npu_machine machine = against_machine(&m.seed);
		bool is_constant = pick(&m, 0, 1);
		int64_t bytes = 1;
		char *text = NULL;
		size_t size = 0;

		choose(&m);
		m.to = open_memstream(&text, &size);
		fputs("tnc 1\n", m.to);
		put_indices(&m);
		put_gather(&m, put_table(&m, is_constant));
		for (int d = 0; d < m.rank; d++)
			bytes *= m.shape[d];
		if (is_constant)
			put_bytes(&m, 2, bytes * (m.type[3] == '8' ? 1 : 2));
		fclose(m.to);
		against_reference(text, size, &machine, &m.seed);
		free(text);
	}
}

/* Many times the SRAM: the table stays in memory. */
static void test_large_table(void **state)
{
	struct maker m = {
		.seed = 5, .type = "int8", .rank = 2, .shape = { 120, 2000 },
		.list_rank = 1, .list = { 7 }, .index_type = "int16",
	};
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	char *text = NULL;
	size_t size = 0;

	machine.sram_size = NPU_SRAM_MIN;
	m.to = open_memstream(&text, &size);
	fputs("tnc 1\n", m.to);
	put_indices(&m);
	put_gather(&m, put_table(&m, true));
	put_bytes(&m, 2, 120 * 2000);
	fclose(m.to);
	against_reference(text, size, &machine, &m.seed);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_large_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
