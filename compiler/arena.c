// SPDX-License-Identifier: MIT
/*
 * Memory of one compilation: handed out zeroed, freed as a whole, never
 * beyond a limit, so that a model that claims to be huge cannot take the
 * machine down. Failure leaves through tnc_error().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <npu/program.h>

#include "ir.h"

#define BLOCK_SIZE ((size_t)64 << 10)
#define ALIGNMENT ((size_t)16)
#define SPARE_MAX ((size_t)8 << 20)

struct block {
	struct block *next;
	size_t used;
	size_t size;
	_Alignas(16) uint8_t bytes[];
};

struct tnc_arena {
	struct block *blocks;
	struct block *spare;	/* given up, to be used again: as they were left */
	size_t spared;		/* bytes of them */
	size_t held;
	size_t limit;
	uint64_t allocations;
	uint64_t fail_allocation;
};

struct tnc_arena *tnc_arena_create(size_t limit, uint64_t fail_allocation)
{
	struct tnc_arena *arena = calloc(1, sizeof(*arena));

	if (arena) {
		arena->limit = limit;
		arena->fail_allocation = fail_allocation;
	}
	return arena;
}

static void free_all(struct block *block)
{
	struct block *next;

	for (; block; block = next) {
		next = block->next;
		free(block);
	}
}

void tnc_arena_destroy(struct tnc_arena *arena)
{
	if (!arena)
		return;
	free_all(arena->blocks);
	free_all(arena->spare);
	free(arena);
}

/* The first spare block that is large enough, zeroed, or NULL. */
static struct block *take_spare(struct tnc_arena *arena, size_t size)
{
	struct block **from = &arena->spare, *block;

	while (*from && (*from)->size < size)
		from = &(*from)->next;
	block = *from;
	if (!block)
		return NULL;
	*from = block->next;
	arena->spared -= block->size;
	memset(block->bytes, 0, block->used);
	block->used = 0;
	return block;
}

static void give_up(struct tnc_arena *arena, struct block *block)
{
	if (block->size > SPARE_MAX - arena->spared) {
		free(block);
		return;
	}
	block->next = arena->spare;
	arena->spare = block;
	arena->spared += block->size;
}

static struct block *block_create(struct tnc_arena *arena, size_t size)
{
	struct block *block;

	if (size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	if (size > arena->limit - arena->held)
		return NULL;
	block = take_spare(arena, size);
	if (!block) {
		block = calloc(1, sizeof(*block) + size);
		if (!block)
			return NULL;
		block->size = size;
	}
	block->next = arena->blocks;
	arena->blocks = block;
	arena->held += block->size;
	return block;
}

/* Returns zeroed memory, or NULL. */
void *tnc_arena_alloc(struct tnc_arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	void *bytes;

	if (++arena->allocations == arena->fail_allocation)
		return NULL;
	if (size > arena->limit)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (!block || size > block->size - block->used)
		block = block_create(arena, size);
	if (!block)
		return NULL;
	bytes = block->bytes + block->used;
	block->used += size;
	return bytes;
}

struct tnc_arena_mark tnc_arena_mark(const struct tnc_arena *arena)
{
	const struct block *block = arena->blocks;

	return (struct tnc_arena_mark){ block, block ? block->used : 0 };
}

/* Frees everything that was allocated since @mark. */
void tnc_arena_rewind(struct tnc_arena *arena, struct tnc_arena_mark mark)
{
	struct block *block;

	while (arena->blocks != mark.block) {
		block = arena->blocks;
		arena->blocks = block->next;
		arena->held -= block->size;
		give_up(arena, block);
	}
	block = arena->blocks;
	if (!block)
		return;
	memset(block->bytes + mark.used, 0, block->used - mark.used);
	block->used = mark.used;
}

void *tnc_alloc(struct tnc *c, size_t count, size_t size)
{
	size_t bytes;
	void *memory = NULL;

	if (!__builtin_mul_overflow(count, size, &bytes))
		memory = tnc_arena_alloc(c->arena, bytes);
	if (!memory)
		tnc_error(c, -ENOMEM, "out of memory for %zu times %zu bytes",
			  count, size);
	return memory;
}

/* An array that is empty but has room for @count elements, about as many as will come. */
void *tnc_reserve(struct tnc *c, int count, int *room, size_t size)
{
	*room = count;
	return tnc_alloc(c, count, size);
}

/* Makes room for one more element in an array of @count. */
void *tnc_grow(struct tnc *c, void *old, int count, int *room, size_t size)
{
	void *grown;

	if (count < *room)
		return old;
	*room = *room ? *room * 2 : 16;
	grown = tnc_alloc(c, *room, size);
	if (count)
		memcpy(grown, old, count * size);
	return grown;
}

/* What is no printable UTF-8 becomes a question mark: none leaves as it came. */
void tnc_make_printable(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		unsigned int length = npu_text_length(s);

		if (!length)
			*s = '?';
		s += length ? length : 1;
	}
}

char *tnc_strndup(struct tnc *c, const char *text, size_t length)
{
	char *copy;

	length = strnlen(text, length);
	copy = tnc_alloc(c, length + 1, 1);
	memcpy(copy, text, length);
	return copy;
}
