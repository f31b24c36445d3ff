/* SPDX-License-Identifier: MIT */
/*
 * Pictures of a profile, as SVG that stands in a page as well as in a larger
 * picture. Colours are attributes for a light page; a style sheet may override
 * them by class: r0.. of a reason, e0.. of a part of the energy, l0.. of an
 * operator's blocks.
 */
#ifndef CHART_H
#define CHART_H

#include "profile.h"

#define CHART_WIDTH 1160
#define CHART_LEFT 84 /* of what is plotted */
#define CHART_PLOT 1050 /* its width */
#define CHART_LAYER_COLOURS 12

extern const char *const chart_reason_colours[REASON_COUNT];
extern const char *const chart_part_colours[PART_COUNT];
extern const char *const chart_layer_colours[CHART_LAYER_COLOURS];

/* Text with what XML wants escaped. */
void chart_escape(FILE *out, const char *text);

/* Begin and end a picture of CHART_WIDTH at @y; @what is for who can't see it. */
void chart_begin(FILE *out, int y, int height, const char *what);
void chart_end(FILE *out);

/* A bar of values side by side, @width x @height, of class @prefix and number. */
void chart_stack(FILE *out, int x, int y, int width, int height, char prefix,
		 const uint64_t *values, const char *const *names,
		 const char *const *colours, uint32_t count);

/*
 * The pictures; each returns its height and, if @out is not NULL, is drawn at @y.
 */
int chart_reasons(const struct profile *p, FILE *out, int y);
int chart_timeline(const struct profile *p, FILE *out, int y);
int chart_memory(const struct profile *p, FILE *out, int y);
int chart_roofline(const struct profile *p, FILE *out, int y);
int chart_energy(const struct profile *p, FILE *out, int y);

#endif
