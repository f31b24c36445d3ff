// SPDX-License-Identifier: MIT
/*
 * A plugin for `tinynpu run --plugin`: the function of a custom operator "Cube",
 * which makes x^3 of each float32. See struct tinynpu_custom_call.
 *
 *	cc -shared -fPIC plugin.c -o plugin.so $(pkg-config --cflags tinynpu)
 *	tinynpu run model.tflite --plugin ./plugin.so --input in.bin --output out.bin
 */
#include <errno.h>
#include <tinynpu.h>

static int cube(const struct tinynpu_custom_call *call)
{
	const struct tinynpu_custom_tensor *out = call->output, *in;
	const float *from;
	float *to = out->data;

	if (call->inputs != 1 || !call->input[0] || call->results != 1)
		return -EINVAL;
	in = call->input[0];
	if (in->dtype != TINYNPU_FLOAT32 || out->dtype != TINYNPU_FLOAT32 ||
	    in->size != out->size)
		return -EINVAL;
	from = in->data;
	for (uint64_t i = 0; i < out->size / sizeof(*to); i++)
		to[i] = from[i] * from[i] * from[i];
	return 0;
}

__attribute__((visibility("default")))
const struct tinynpu_custom tinynpu_customs[] = {
	{ "Cube", cube, NULL },
	{ NULL, NULL, NULL },
};
