// SPDX-License-Identifier: MIT
/*
 * The roofline: MACs per cycle over MACs per byte off chip, both logarithmic. The
 * roof is what the memory's bandwidth and the multipliers allow.
 */
#include "chart.h"

#include "../tool.h"

#include <math.h>

#define TOP 24
#define HEIGHT 360 /* of what is plotted */

/* What is shown, in decades: a little more than there is. */
struct scale {
	double x_low, x_high;
	double y_low, y_high;
};

static double intensity_of(const struct profile_layer *layer)
{
	uint64_t bytes = layer->cost.mem_read + layer->cost.mem_written;

	return bytes ? (double)layer->cost.mac_ops / bytes : INFINITY;
}

static double rate_of(const struct profile_layer *layer)
{
	return (double)layer->cost.mac_ops / layer->cycles;
}

static bool is_shown(const struct profile_layer *layer)
{
	return layer->cost.mac_ops && layer->cycles;
}

/* Around the ridge, and all operators. */
static struct scale find_scale(const struct profile *p)
{
	double ridge = (double)p->machine.macs / p->machine.mem_bw;
	double least = ridge / 10, most = ridge * 10, slowest = 1;
	uint32_t i;

	for (i = 0; i <= p->info.layers; i++) {
		const struct profile_layer *layer = &p->layers[i];
		double x = intensity_of(layer);

		if (!is_shown(layer))
			continue;
		slowest = fmin(slowest, rate_of(layer));
		least = fmin(least, x);
		if (!isinf(x))
			most = fmax(most, x);
	}
	return (struct scale){
		.x_low = floor(log10(least)),
		.x_high = ceil(log10(most) + 0.1),
		.y_low = floor(log10(slowest)),
		.y_high = log10(p->machine.macs) + 0.35,
	};
}

static double x_of(const struct scale *s, double intensity)
{
	double decade = fmin(fmax(log10(intensity), s->x_low), s->x_high);

	return CHART_LEFT +
	       CHART_PLOT * (decade - s->x_low) / (s->x_high - s->x_low);
}

static double y_of(const struct scale *s, double rate)
{
	double decade = fmin(fmax(log10(rate), s->y_low), s->y_high);

	return TOP + HEIGHT * (s->y_high - decade) / (s->y_high - s->y_low);
}

static void draw_grid(const struct scale *s, FILE *out)
{
	int i;

	for (i = s->x_low; i <= s->x_high; i++) {
		double x = x_of(s, pow(10, i));

		fprintf(out, "<path class=\"rule\" d=\"M%.1f %dv%d\" "
			"stroke=\"#d5dae0\"/><text class=\"soft\" x=\"%.1f\" "
			"y=\"%d\" text-anchor=\"middle\" fill=\"#5d6773\">%g"
			"</text>\n", x, TOP, HEIGHT, x, TOP + HEIGHT + 19,
			pow(10, i));
	}
	for (i = s->y_low; i <= s->y_high; i++) {
		double y = y_of(s, pow(10, i));

		fprintf(out, "<path class=\"rule\" d=\"M%d %.1fh%d\" "
			"stroke=\"#d5dae0\"/><text class=\"soft\" x=\"%d\" "
			"y=\"%.1f\" text-anchor=\"end\" fill=\"#5d6773\">%g"
			"</text>\n", CHART_LEFT, y, CHART_PLOT, CHART_LEFT - 12,
			y + 4, pow(10, i));
	}
	fprintf(out, "<text class=\"soft\" x=\"%d\" y=\"%d\" "
		"text-anchor=\"end\" fill=\"#5d6773\">MACs per byte off chip"
		"</text>\n<text class=\"soft\" y=\"12\" fill=\"#5d6773\">MACs "
		"per cycle</text>\n", CHART_LEFT + CHART_PLOT,
		TOP + HEIGHT + 38);
}

static void draw_roof(const struct profile *p, const struct scale *s, FILE *out)
{
	double macs = p->machine.macs, bandwidth = p->machine.mem_bw;
	double low = pow(10, fmax(s->x_low, s->y_low - log10(bandwidth)));
	double high = pow(10, s->x_high), ridge = macs / bandwidth;
	double middle = sqrt(low * ridge);

	fprintf(out, "<path class=\"roof\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1f\" "
		"fill=\"none\" stroke=\"#1d232b\" stroke-width=\"2\"/>\n",
		x_of(s, low), y_of(s, low * bandwidth), x_of(s, ridge),
		y_of(s, macs), x_of(s, high), y_of(s, macs));
	fprintf(out, "<text class=\"ink\" x=\"%d\" y=\"%.1f\" "
		"text-anchor=\"end\" fill=\"#1d232b\">%u MACs per cycle</text>\n",
		CHART_LEFT + CHART_PLOT - 6, y_of(s, macs) - 8,
		p->machine.macs);
	fprintf(out, "<text class=\"ink\" x=\"%.1f\" y=\"%.1f\" "
		"text-anchor=\"end\" fill=\"#1d232b\">%u byte%s per cycle off "
		"chip</text>\n", x_of(s, middle) - 12,
		y_of(s, middle * bandwidth) - 4, p->machine.mem_bw,
		p->machine.mem_bw == 1 ? "" : "s");
}

static void draw_layer(const struct profile *p, const struct scale *s,
		       FILE *out, int index)
{
	const struct profile_layer *layer = &p->layers[index];
	double share = (double)layer->cycles / p->cycles;
	double x, y, radius = 5 + 30 * sqrt(share);

	if (!is_shown(layer))
		return;
	x = x_of(s, intensity_of(layer));
	y = y_of(s, rate_of(layer));
	fprintf(out, "<g data-layer=\"%d\"><circle class=\"r%u dot\" cx=\"%.1f\" "
		"cy=\"%.1f\" r=\"%.1f\" fill=\"%s\" fill-opacity=\"0.6\" "
		"stroke=\"%s\"/>", index, layer->bound, x, y, radius,
		chart_reason_colours[layer->bound],
		chart_reason_colours[layer->bound]);
	fprintf(out, "<text class=\"ink\" x=\"%.1f\" y=\"%.1f\" "
		"text-anchor=\"middle\" font-size=\"11\" fill=\"#1d232b\">%d"
		"</text><title>%.1f MACs per cycle, %.1f %% of the cycles, bound "
		"by %s, %.2f x its roofline\n", x, y + 4, index,
		rate_of(layer), 100 * share,
		profile_reasons[layer->bound],
		layer->floor ? (double)layer->cycles / layer->floor : 0);
	chart_escape(out, layer->name);
	fputs("</title></g>\n", out);
}

/* The inference as a whole. */
static void draw_whole(const struct profile *p, const struct scale *s,
		       FILE *out)
{
	const struct tinynpu_stats *stats = &p->stats;
	double bytes = stats->mem_read + stats->mem_written, x, y;

	if (!stats->mac_ops)
		return;
	x = x_of(s, stats->mac_ops / bytes);
	y = y_of(s, (double)stats->mac_ops / p->cycles);
	fprintf(out, "<path class=\"roof\" d=\"M%.1f %.1fl9 9l-9 9l-9 -9z\" "
		"fill=\"none\" stroke=\"#1d232b\" stroke-width=\"2\"><title>"
		"all of it: %.1f MACs per cycle</title></path>\n", x, y - 9,
		(double)stats->mac_ops / p->cycles);
}

int chart_roofline(const struct profile *p, FILE *out, int y)
{
	struct scale scale = find_scale(p);
	int height = TOP + HEIGHT + 48;
	uint32_t i;

	if (!out)
		return height;
	chart_begin(out, y, height, "Roofline: operators by MACs per cycle and "
		    "MACs per byte off chip");
	draw_grid(&scale, out);
	draw_roof(p, &scale, out);
	for (i = 0; i <= p->info.layers; i++)
		draw_layer(p, &scale, out, i);
	draw_whole(p, &scale, out);
	chart_end(out);
	return height;
}
