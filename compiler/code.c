// SPDX-License-Identifier: MIT
/*
 * Encodes streams for DMA_DECODE. Each column of the bytes gets the entry of a
 * palette, a table and a centre, that codes it shortest; the palette is grown by
 * the entry that saves most, until that is less than the entry costs. The bytes
 * are then coded from the last to the first, as the decoder undoes it. The
 * manual (uapi/README.md) has the format.
 */
#include <string.h>

#include "code.h"
#include "ir.h"

#define COST_ONE 64 /* costs are in parts of a bit */
#define COST_NEVER 2047 /* of a value that table 0 does not have; above all others */
#define COST_UNKNOWN (UINT64_C(1) << 41) /* more than any column's */
#define SUM_MAX (UINT16_MAX / COST_NEVER) /* costs that are added up in 16 bits */
#define OWN_CENTRE_MAX 16 /* columns of a section that have one each */

struct tnc_coder {
	uint8_t kind[256]; /* class, by value; likewise: */
	uint16_t cost[256][NPU_CODE_TABLES];
	uint16_t frequency[NPU_CODE_TABLES][NPU_CODE_CLASSES];
	uint16_t first[NPU_CODE_TABLES][NPU_CODE_CLASSES];
};

/* What all bytes of a column are coded with. */
struct column {
	int8_t centre; /* besides 0 */
	uint8_t entry;
	int group; /* the first column that has the same centre */
	uint64_t best; /* cost with the palette so far */
	uint64_t cost[2][NPU_CODE_TABLES]; /* with centre 0, with its own */
	uint64_t least[2]; /* of these */
};

struct block {
	uint32_t begin;
	uint32_t end;
	uint32_t unit;
	int first; /* column */
	int columns;
};

struct encoder {
	const struct tnc_coder *coder;
	struct tnc_arena *arena;
	const uint8_t *bytes;
	uint32_t size;
	struct block *block;
	int blocks;
	struct column *column;
	int columns;
	struct npu_code_entry palette[NPU_CODE_PALETTE_MAX];
	int entries;
	npu_le16 *words; /* filled from the end */
	uint32_t room;
	uint32_t next;
};

/* --- Tables ---------------------------------------------------------------------- */

/* log2(x) x 2^8, rounded down, in integers: the same on every host. */
static uint32_t log2_of(uint32_t x)
{
	uint32_t whole = 31 - __builtin_clz(x), result = whole << 8;
	uint64_t y = (uint64_t)x << (32 - whole); /* 1..2, 32 bits behind it */

	for (int bit = 7; bit >= 0; bit--) {
		y = (y >> 1) * (y >> 1) >> 30;
		if (y >> 33) {
			result |= 1u << bit;
			y >>= 1;
		}
	}
	return result;
}

static uint16_t cost_of(uint32_t frequency, uint32_t bits)
{
	if (!frequency)
		return COST_NEVER;
	return (((NPU_CODE_TOTAL_BITS + bits) << 8) - log2_of(frequency)) *
	       COST_ONE >> 8;
}

const struct tnc_coder *tnc_coder_create(struct tnc_arena *arena)
{
	struct tnc_coder *coder = tnc_arena_alloc(arena, sizeof(*coder));

	if (!coder)
		return NULL;
	for (uint32_t k = 0; k < NPU_CODE_CLASSES; k++) {
		uint32_t bits = npu_code_class_bits(k);

		for (uint32_t i = 0; i < 1u << bits; i++)
			coder->kind[(uint8_t)(npu_code_class_low(k) + i)] = k;
	}
	for (uint32_t t = 0; t < NPU_CODE_TABLES; t++) {
		uint32_t first = 0;

		for (uint32_t k = 0; k < NPU_CODE_CLASSES; k++) {
			coder->frequency[t][k] = npu_code_frequency(t, k);
			coder->first[t][k] = first;
			first += coder->frequency[t][k];
		}
		for (uint32_t v = 0; v < 256; v++)
			coder->cost[v][t] =
				cost_of(coder->frequency[t][coder->kind[v]],
					npu_code_class_bits(coder->kind[v]));
	}
	return coder;
}

/* --- Blocks and columns ------------------------------------------------------------ */

static int section_columns(const struct npu_code_section *s)
{
	uint32_t size = npu_code_block(s), rest = s->bytes % size;
	uint32_t columns = s->bytes / size * npu_code_columns(s, size);

	return columns + (rest ? npu_code_columns(s, rest) : 0);
}

static bool create(struct encoder *e, const struct npu_code_section *section)
{
	int columns = 0, blocks = 0;

	for (int i = 0; i < NPU_CODE_SECTIONS && section[i].bytes; i++) {
		columns += section_columns(&section[i]);
		blocks += (section[i].bytes - 1) / npu_code_block(&section[i]) +
			  1;
		e->size += section[i].bytes;
	}
	if (e->size < NPU_CODE_TAIL)
		return true;
	e->column = tnc_arena_alloc(e->arena, columns * sizeof(*e->column));
	e->block = tnc_arena_alloc(e->arena, blocks * sizeof(*e->block));
	e->room = e->size + columns; /* one word a byte, and numbers */
	e->words = tnc_arena_alloc(e->arena, e->room * sizeof(*e->words));
	return e->column && e->block && e->words;
}

static struct column *column_at(struct encoder *e, const struct block *b,
				uint32_t place)
{
	return &e->column[b->first + (place - b->begin) / b->unit % b->columns];
}

/* Adds what has been added up in few bits, which begins anew. */
static void add_sums(uint64_t cost[NPU_CODE_TABLES],
		     uint16_t sum[NPU_CODE_TABLES])
{
	for (int t = 0; t < NPU_CODE_TABLES; t++) {
		cost[t] += sum[t];
		sum[t] = 0;
	}
}

static void add_cost(const struct encoder *e, uint64_t cost[NPU_CODE_TABLES],
		     const struct block *b, int column, int8_t centre)
{
	uint16_t sum[NPU_CODE_TABLES] = { 0 };
	uint32_t period = b->unit * b->columns, added = 0;

	for (uint32_t i = b->begin + column * b->unit; i < b->end; i += period)
		for (uint32_t k = i; k < i + b->unit && k < b->end; k++) {
			uint8_t value = e->bytes[k] - centre;
			const uint16_t *of = e->coder->cost[value];

			for (int t = 0; t < NPU_CODE_TABLES; t++)
				sum[t] += of[t];
			if (++added % SUM_MAX == 0)
				add_sums(cost, sum);
		}
	add_sums(cost, sum);
}

static int8_t mean(int64_t sum, int64_t count)
{
	return count ? (sum + (sum < 0 ? -count : count) / 2) / count : 0;
}

/* The centres of a section's columns: each one's mean, or that of all. */
static void set_centres(struct encoder *e, int first_block, int columns)
{
	int groups = columns <= OWN_CENTRE_MAX ? columns : 1;
	int first = e->block[first_block].first;
	int64_t sum[OWN_CENTRE_MAX] = { 0 }, count[OWN_CENTRE_MAX] = { 0 };

	for (int i = first_block; i < e->blocks; i++) {
		const struct block *b = &e->block[i];

		for (uint32_t k = b->begin; k < b->end; k++) {
			int group = groups == 1 ? 0 :
				column_at(e, b, k) - e->column - first;

			sum[group] += (int8_t)e->bytes[k];
			count[group]++;
		}
	}
	for (int i = 0; i < columns; i++) {
		int group = groups == 1 ? 0 : i;

		e->column[first + i].group = first + group;
		e->column[first + i].centre = mean(sum[group], count[group]);
	}
}

static uint64_t least_of(const uint64_t cost[NPU_CODE_TABLES])
{
	uint64_t least = cost[0];

	for (int t = 1; t < NPU_CODE_TABLES; t++)
		if (cost[t] < least)
			least = cost[t];
	return least;
}

static void set_costs(struct encoder *e, const struct block *b)
{
	for (int i = 0; i < b->columns; i++) {
		struct column *column = &e->column[b->first + i];

		add_cost(e, column->cost[0], b, i, 0);
		if (column->centre)
			add_cost(e, column->cost[1], b, i, column->centre);
		/* Table 0 codes its one value at no cost, and no other. */
		for (int own = 0; own < 2; own++) {
			if (column->cost[own][0])
				column->cost[own][0] = COST_UNKNOWN;
			column->least[own] = least_of(column->cost[own]);
		}
	}
}

static void section_add(struct encoder *e, const struct npu_code_section *s,
			uint32_t begin)
{
	int first_block = e->blocks, first = e->columns;
	uint32_t left = s->bytes, size = npu_code_block(s);

	for (; left; left -= size) {
		struct block *b = &e->block[e->blocks++];

		size = size < left ? size : left;
		*b = (struct block){
			.begin = begin,
			.end = begin + size,
			.unit = s->unit,
			.first = e->columns,
			.columns = npu_code_columns(s, size),
		};
		begin += size;
		e->columns += b->columns;
	}
	set_centres(e, first_block, e->columns - first);
	for (int i = first_block; i < e->blocks; i++)
		set_costs(e, &e->block[i]);
}

/* --- The palette ------------------------------------------------------------------- */

/* What each table saves as the next entry, with centre 0 or the column's own. */
static void add_savings(const struct column *column, int own,
			uint64_t saved[NPU_CODE_TABLES])
{
	if (column->least[own] >= column->best)
		return;
	for (int t = 0; t < NPU_CODE_TABLES; t++)
		if (column->cost[own][t] < column->best)
			saved[t] += column->best - column->cost[own][t];
}

static void keep_best(const uint64_t saved[NPU_CODE_TABLES], int8_t centre,
		      struct npu_code_entry *entry, uint64_t *most)
{
	for (int t = 0; t < NPU_CODE_TABLES; t++) {
		if (saved[t] <= *most)
			continue;
		*most = saved[t];
		*entry = (struct npu_code_entry){ t, centre };
	}
}

/* Finds the entry that saves most; returns how much. */
static uint64_t find_entry(const struct encoder *e,
			   struct npu_code_entry *entry)
{
	uint64_t saved[NPU_CODE_TABLES] = { 0 }, most = 0;

	for (int i = 0; i < e->columns; i++)
		add_savings(&e->column[i], 0, saved);
	keep_best(saved, 0, entry, &most);
	for (int i = 0; i < e->columns; i++) {
		const struct column *column = &e->column[i];

		if (column->group == i)
			memset(saved, 0, sizeof(saved));
		if (!column->centre)
			continue;
		add_savings(column, 1, saved);
		keep_best(saved, column->centre, entry, &most);
	}
	return most;
}

/* Lets each column that it is better for have the palette's entry @number. */
static void use_entry(struct encoder *e, int number)
{
	const struct npu_code_entry *entry = &e->palette[number];

	for (int i = 0; i < e->columns; i++) {
		struct column *column = &e->column[i];
		int own = entry->centre != 0;
		uint64_t cost = column->cost[own][entry->table];

		if ((own && entry->centre != column->centre) ||
		    cost >= column->best)
			continue;
		column->best = cost;
		column->entry = number;
	}
}

static uint32_t number_words(const struct block *b, int entries)
{
	return (b->columns * npu_code_choice_bits(entries) + 15) / 16;
}

static uint64_t total_cost(const struct encoder *e, int entries)
{
	uint64_t words = entries, cost = 0;

	for (int i = 0; i < e->blocks; i++)
		words += number_words(&e->block[i], entries);
	for (int i = 0; i < e->columns; i++)
		cost += e->column[i].best;
	return cost + words * 16 * COST_ONE;
}

static void forget_entries(struct encoder *e)
{
	for (int i = 0; i < e->columns; i++)
		e->column[i].best = COST_UNKNOWN;
}

static void choose_palette(struct encoder *e)
{
	uint64_t least = UINT64_MAX;

	forget_entries(e);
	for (int n = 0; n < NPU_CODE_PALETTE_MAX; n++) {
		uint64_t cost;

		if (find_entry(e, &e->palette[n]) <= 16 * COST_ONE)
			break;
		use_entry(e, n);
		cost = total_cost(e, n + 1);
		if (cost >= least)
			continue;
		least = cost;
		e->entries = n + 1;
	}
	forget_entries(e);
	for (int n = 0; n < e->entries; n++)
		use_entry(e, n);
}

/* --- Words ------------------------------------------------------------------------- */

static void put_word(struct encoder *e, uint32_t word)
{
	e->words[--e->next] = word;
}

/* What decoding takes to give @value, undone. */
static void put_byte(struct encoder *e, uint32_t *state,
		     const struct npu_code_entry *entry, uint8_t value)
{
	const struct tnc_coder *coder = e->coder;
	uint8_t plain = value - entry->centre;
	uint32_t k = coder->kind[plain], bits = npu_code_class_bits(k);
	uint32_t frequency = coder->frequency[entry->table][k];
	uint32_t x = *state;

	if (x >= (uint64_t)frequency << (32 - NPU_CODE_TOTAL_BITS - bits)) {
		put_word(e, x);
		x >>= 16;
	}
	x = x << bits | (uint8_t)(plain - npu_code_class_low(k));
	*state = (x / frequency << NPU_CODE_TOTAL_BITS) + x % frequency +
		 coder->first[entry->table][k];
}

/* The numbers of a block's entries, which come before its first byte. */
static void put_numbers(struct encoder *e, const struct block *b)
{
	uint32_t bits = npu_code_choice_bits(e->entries);
	uint64_t numbers = 0;

	for (int i = 0; i < b->columns; i++)
		numbers |= (uint64_t)e->column[b->first + i].entry << i * bits;
	for (int i = number_words(b, e->entries) - 1; i >= 0; i--)
		put_word(e, numbers >> 16 * i);
}

static void put_block(struct encoder *e, uint32_t *states,
		      const struct block *b, uint32_t end)
{
	uint32_t period = b->unit * b->columns;
	uint32_t place = (end - b->begin) % period;

	for (uint32_t i = end; i-- > b->begin;) {
		const struct column *column;

		place = place ? place - 1 : period - 1;
		column = &e->column[b->first + place / b->unit];
		put_byte(e, &states[i % NPU_CODE_LANES],
			 &e->palette[column->entry], e->bytes[i]);
	}
	put_numbers(e, b);
}

static bool write(struct encoder *e, struct tnc_coded *coded)
{
	uint32_t states[NPU_CODE_LANES], end = e->size - NPU_CODE_TAIL;
	uint32_t head = e->entries * sizeof(*e->palette), words;

	for (int i = 0; i < NPU_CODE_LANES; i++)
		states[i] = NPU_CODE_STATE_MIN | e->bytes[end + 2 * i] |
			    e->bytes[end + 2 * i + 1] << 8;
	e->next = e->room;
	for (int i = e->blocks - 1; i >= 0; i--) {
		const struct block *b = &e->block[i];

		if (b->begin < end)
			put_block(e, states, b, b->end < end ? b->end : end);
	}
	words = (e->room - e->next) * sizeof(*e->words);
	coded->palette = e->entries;
	coded->size = head + sizeof(states) + words;
	coded->bytes = tnc_arena_alloc(e->arena, coded->size);
	if (!coded->bytes)
		return false;
	memcpy(coded->bytes, e->palette, head);
	memcpy(coded->bytes + head, states, sizeof(states));
	memcpy(coded->bytes + head + sizeof(states), e->words + e->next,
	       words);
	return true;
}

bool tnc_encode(const struct tnc_coder *coder, struct tnc_arena *arena,
		const uint8_t *bytes, struct tnc_coded *coded)
{
	struct encoder e = { .coder = coder, .arena = arena, .bytes = bytes };
	uint32_t begin = 0;

	coded->size = 0;
	if (!create(&e, coded->section))
		return false;
	if (e.size < NPU_CODE_TAIL)
		return true;
	for (int i = 0; i < NPU_CODE_SECTIONS; i++) {
		if (coded->section[i].bytes)
			section_add(&e, &coded->section[i], begin);
		begin += coded->section[i].bytes;
	}
	choose_palette(&e);
	return write(&e, coded);
}
