// SPDX-License-Identifier: MIT
/*
 * `tinynpu compile --verify`: runs the program in the simulator and the graph that
 * was compiled on the reference executor, which shares no code with the machine,
 * on the same inputs, and compares their outputs.
 */
#include "verify.h"

#include "tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verifier {
	struct tnc_graph *graph;
	const struct verify_inputs *given;
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_program_info info;
	void **files; /* contents, by input; owned */
	size_t runs_given;
	const void **inputs; /* the session's tensors, by input */
	void **outputs; /* the reference's, by output; owned */
	uint64_t seed;
};

static int describe(const struct verifier *v, unsigned int tensor,
		    struct tinynpu_tensor_info *info)
{
	return tinynpu_program_tensor(v->program, tensor, info, sizeof(*info));
}

/* --- Inputs ---------------------------------------------------------------- */

static int read_file(struct verifier *v, unsigned int input)
{
	const char *path = v->given->files[input];
	struct tinynpu_tensor_info info;
	size_t size, runs;
	int status = tool_read_file(path, &v->files[input], &size);

	if (status)
		return tool_file_status(status);
	describe(v, input, &info);
	runs = size / info.size;
	if (!size || size % info.size || (input && runs != v->runs_given))
		return tool_complain(TOOL_UNUSABLE,
			"%s: %zu bytes; input '%s' has %" PRIu64 " each, and all inputs as many",
			path, size, info.name, info.size);
	v->runs_given = runs;
	return TOOL_OK;
}

static int read_files(struct verifier *v)
{
	unsigned int i;
	int status = TOOL_OK;

	if (!v->given->file_count)
		return TOOL_OK;
	if (v->given->file_count != v->info.inputs)
		return tool_complain(TOOL_UNUSABLE,
			"%zu inputs given, the model has %u",
			v->given->file_count, v->info.inputs);
	for (i = 0; !status && i < v->info.inputs; i++)
		status = read_file(v, i);
	return status;
}

static uint8_t random_byte(struct verifier *v)
{
	v->seed = v->seed * UINT64_C(6364136223846793005) +
		  UINT64_C(1442695040888963407);
	return v->seed >> 33;
}

/*
 * Bytes are any; floats are up to a power of two that differs from run to run; of
 * wider integers, that may be indices, small ones.
 */
static void fill_random(struct verifier *v, unsigned int input,
			unsigned int run)
{
	struct tinynpu_tensor_info info;
	uint8_t *bytes = tinynpu_session_tensor(v->session, input);
	uint64_t i;

	describe(v, input, &info);
	memset(bytes, 0, info.size);
	for (i = 0; i < info.size; i++) {
		float value = (int8_t)random_byte(v) / (float)(1 << run % 8);

		if (info.dtype == TINYNPU_FLOAT32 && i % 4 == 0)
			memcpy(bytes + i, &value, sizeof(value));
		else if (info.dtype == TINYNPU_INT8 ||
			 info.dtype == TINYNPU_UINT8 ||
			 info.dtype == TINYNPU_INT16)
			bytes[i] = random_byte(v);
		else if (info.dtype == TINYNPU_BOOL ||
			 (info.dtype == TINYNPU_INT32 && i % 4 == 0) ||
			 (info.dtype == TINYNPU_INT64 && i % 8 == 0))
			bytes[i] = random_byte(v) & 1;
	}
}

static void fill_inputs(struct verifier *v, unsigned int run)
{
	struct tinynpu_tensor_info info;
	unsigned int i;

	for (i = 0; i < v->info.inputs; i++) {
		describe(v, i, &info);
		if (run < v->runs_given)
			memcpy(tinynpu_session_tensor(v->session, i),
			       (const char *)v->files[i] + run * info.size,
			       info.size);
		else
			fill_random(v, i, run);
	}
}

/* --- Outputs --------------------------------------------------------------- */

/* An element as text. */
static struct tool_text element(const void *bytes, uint32_t dtype,
				uint64_t index)
{
	struct tool_text text;
	int64_t value = 0;

	switch (dtype) {
	case TINYNPU_INT8:
		value = ((const int8_t *)bytes)[index];
		break;
	case TINYNPU_INT16:
		value = ((const int16_t *)bytes)[index];
		break;
	case TINYNPU_INT32:
		value = ((const int32_t *)bytes)[index];
		break;
	case TINYNPU_INT64:
		value = ((const int64_t *)bytes)[index];
		break;
	case TINYNPU_FLOAT32:
		snprintf(text.text, sizeof(text.text), "%.9g",
			 ((const float *)bytes)[index]);
		return text;
	default:
		value = ((const uint8_t *)bytes)[index];
	}
	snprintf(text.text, sizeof(text.text), "%" PRId64, value);
	return text;
}

/* "[0, 3, 2, 1]" of element @index */
static void place(const struct tinynpu_tensor_info *info, uint64_t index,
		  char *text, size_t size)
{
	uint64_t at[TINYNPU_MAX_RANK];
	size_t used = 0;
	uint32_t i;

	for (i = info->rank; i-- > 0;) {
		at[i] = index % info->shape[i];
		index /= info->shape[i];
	}
	text[0] = '\0';
	for (i = 0; i < info->rank && used < size; i++)
		used += snprintf(text + used, size - used, "%s%" PRIu64,
				 i ? ", " : "", at[i]);
}

static int compare(struct verifier *v, unsigned int output, unsigned int run)
{
	unsigned int tensor = v->info.inputs + output;
	const uint8_t *found = tinynpu_session_tensor(v->session, tensor);
	const uint8_t *wanted = v->outputs[output];
	struct tinynpu_tensor_info info;
	uint64_t elements = 1, index = 0;
	size_t each;
	char where[128];
	uint32_t i;

	describe(v, tensor, &info);
	if (!memcmp(found, wanted, info.size))
		return TOOL_OK;
	for (i = 0; i < info.rank; i++)
		elements *= info.shape[i];
	each = info.size / elements;
	while (!memcmp(found + index * each, wanted + index * each, each))
		index++;
	place(&info, index, where, sizeof(where));
	return tool_complain(TOOL_FAILED,
		"run %u, output '%s': element %" PRIu64 ", at [%s], is %s, but %s by the reference",
		run, info.name, index, where,
		element(found, info.dtype, index).text,
		element(wanted, info.dtype, index).text);
}

/* --- Runs ------------------------------------------------------------------ */

static int verify_run(struct verifier *v, unsigned int run)
{
	struct tinynpu_error error;
	struct tnc_error why;
	unsigned int i;
	int status = TOOL_OK;

	fill_inputs(v, run);
	if (tnc_graph_run(v->graph, v->inputs, v->outputs, &why))
		return tool_complain(TOOL_FAILED, "%s", why.text);
	if (tinynpu_session_run(v->session, &error))
		return tool_complain(TOOL_FAILED, "%s", error.text);
	for (i = 0; !status && i < v->info.outputs; i++)
		status = compare(v, i, run);
	return status;
}

static int verify_all(struct verifier *v)
{
	unsigned int runs, i;
	int status = read_files(v);

	runs = v->runs_given + v->given->random_count;
	for (i = 0; !status && i < runs; i++)
		status = verify_run(v, i);
	if (!status)
		printf("  verified   %u outputs equal to the reference's in %u "
		       "runs, %zu of them on given inputs\n", v->info.outputs,
		       runs, v->runs_given);
	return status;
}

static int open_session(struct verifier *v, const void *program, size_t size,
			const struct npu_machine *machine)
{
	struct tinynpu_error error;
	char options[256];

	snprintf(options, sizeof(options),
		 "cores=%u,macs=%u,sram=%u,clock=%" PRIu64
		 ",sram-bw=%u,sram-latency=%u,mem-bw=%u,mem-latency=%u"
		 ",restricted=%u",
		 machine->cores, machine->macs, machine->sram_size,
		 machine->clock_khz * UINT64_C(1000), machine->sram_bw,
		 machine->sram_latency, machine->mem_bw, machine->mem_latency,
		 machine->restricted);
	if (tinynpu_program_read(program, size, "program", &v->program,
				 &error) ||
	    tinynpu_device_open("sim", options, &v->device, &error) ||
	    tinynpu_session_create(v->device, v->program, &v->session, &error))
		return tool_complain(TOOL_FAILED, "%s", error.text);
	tinynpu_program_info(v->program, &v->info, sizeof(v->info));
	return TOOL_OK;
}

static int allocate(struct verifier *v)
{
	struct tinynpu_tensor_info info;
	bool is_short = false;
	unsigned int i;

	v->files = calloc(v->info.inputs + 1, sizeof(*v->files));
	v->inputs = calloc(v->info.inputs + 1, sizeof(*v->inputs));
	v->outputs = calloc(v->info.outputs + 1, sizeof(*v->outputs));
	if (!v->files || !v->inputs || !v->outputs)
		return tool_complain(TOOL_FAILED, "out of memory");
	for (i = 0; i < v->info.inputs; i++)
		v->inputs[i] = tinynpu_session_tensor(v->session, i);
	for (i = 0; i < v->info.outputs; i++) {
		describe(v, v->info.inputs + i, &info);
		v->outputs[i] = malloc(info.size);
		is_short |= !v->outputs[i];
	}
	return is_short ? tool_complain(TOOL_FAILED, "out of memory") : TOOL_OK;
}

static void release(struct verifier *v)
{
	unsigned int i;

	for (i = 0; v->files && i < v->info.inputs; i++)
		free(v->files[i]);
	for (i = 0; v->outputs && i < v->info.outputs; i++)
		free(v->outputs[i]);
	free(v->files);
	free(v->inputs);
	free(v->outputs);
	tinynpu_session_destroy(v->session);
	tinynpu_program_close(v->program);
	tinynpu_device_close(v->device);
}

int verify_program(struct tnc_graph *graph, const void *program, size_t size,
		   const struct npu_machine *machine,
		   const struct verify_inputs *inputs)
{
	struct verifier v = { .graph = graph, .given = inputs };
	int status = open_session(&v, program, size, machine);

	if (!status)
		status = allocate(&v);
	if (!status)
		status = verify_all(&v);
	release(&v);
	return status;
}
