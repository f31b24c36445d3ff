/* SPDX-License-Identifier: MIT */
/*
 * Operators that move bytes as lists of transfers between the tensors that own
 * them. Private to the compiler.
 */
#ifndef TNC_MOVE_H
#define TNC_MOVE_H

#include "ir.h"

/* A list of them, one for each n[0] and n[2]: then @from is row 0's. */
struct tnc_indices {
	int input;		/* of the operator; 0: there are none */
	int size;		/* of an index */
	uint32_t from;
	uint32_t rows;		/* that there are to choose from */
};

/*
 * What one DMA command does: @run bytes, repeated in three dimensions. Offsets
 * are those within the owners of the input and output.
 */
struct tnc_move {
	int input;		/* of the operator, or -1: fill */
	uint8_t value;		/* that fills */
	uint32_t run;
	uint16_t n[3];
	uint32_t from_stride[3];
	uint32_t to_stride[3];
	uint32_t from;
	uint32_t to;
	struct tnc_indices indices;	/* that choose rows; of other moves 0 */
};

struct tnc_moves {
	struct tnc_move *move;
	int count;
	int room;
};

void tnc_moves_of(struct tnc *c, const struct tnc_op *op,
		  struct tnc_moves *moves);
int tnc_move_count(struct tnc *c, const struct tnc_op *op);
int tnc_move_inputs(struct tnc *c, const struct tnc_op *op);

#endif
