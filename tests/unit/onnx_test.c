// SPDX-License-Identifier: MIT
/*
 * The ONNX importer: what it makes of operators, each refusal, and hostile
 * files: every prefix, ten thousand random mutations, every allocation failing.
 * Whatever comes in, an error says where, or a program comes out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/tnc.h"
#include "tiny_onnx.h"

#define MUTATIONS 10000
#define MEMORY_LIMIT ((size_t)64 << 20)

static int compile_limited(const uint8_t *bytes, size_t size,
			   uint64_t fail_allocation, struct tnc_error *error)
{
	struct tnc_options options;
	size_t program_size;
	void *program;
	int status;

	tnc_options_init(&options);
	options.name = "tiny";
	options.memory_limit = MEMORY_LIMIT;
	options.fail_allocation = fail_allocation;
	error->text[0] = 0;
	status = tnc_compile(bytes, size, &options, &program, &program_size,
			     error);
	if (status) {
		assert_null(program);
		assert_memory_equal(error->text, "tiny: ", 6);
	} else {
		assert_non_null(program);
		free(program);
	}
	return status;
}

static int compile(const uint8_t *bytes, size_t size, struct tnc_error *error)
{
	return compile_limited(bytes, size, 0, error);
}

#define CONV_CONSTANTS                                                  \
	"const xs f32 - 0.5; const xz i8 - 3;"                          \
	"const w i8 3,8,1,1 1,-2,3,-4,5,7,-8,9,-1;"                     \
	"const ws f32 3 0.01,0.02,0.03; const wz i8 3 0,1,-1;"          \
	"const ys f32 - 0.25; const yz i8 - -5;"                        \
	"typed b i32 3 100,-7,0;"

#define CONV_INPUTS "x,xs,xz,w,ws,wz,ys,yz,b"

#define SOUND                                                           \
	"opset 13; input x i8 n,8,1,1;" CONV_CONSTANTS                  \
	"node QLinearConv " CONV_INPUTS " y; output y"

static void test_sound(void **state)
{
	uint8_t bytes[TINY_ONNX_MAX];
	struct tnc_error error;

	if (compile(bytes, tiny_onnx_write(SOUND, bytes), &error))
		fail_msg("%s", error.text);
}

#define ONE(node) "opset 13; input x f32 1,2,4,4; node " node "; output y"

/* A model each, and what is said of it. */
static const struct {
	const char *name;
	int status;
	const char *text;
	const char *model;
} wrong[] = {
	{ "old opset", -EOPNOTSUPP, "unsupported opset 6, must be 7 to 22",
	  "opset 6; input x f32 1; output x" },
	{ "new opset", -EOPNOTSUPP, "unsupported opset 23",
	  "opset 23; input x f32 1; output x" },
	{ "no opset", -EINVAL, "names no opset",
	  "opset 1 com.microsoft; input x f32 1; output x" },
	{ "operator", -EOPNOTSUPP,
	  "operator 0 (Magic): unsupported operator Magic",
	  ONE("Magic x y") },
	{ "domain", -EOPNOTSUPP, "unsupported operator my.own.Relu",
	  ONE("Relu@my.own x y") },
	{ "nothing yields it", -EINVAL, "nothing yields value \"z\"",
	  ONE("Relu z y") },
	{ "output from nowhere", -EINVAL, "nothing yields value \"z\"",
	  "opset 13; input x f32 1; output z" },
	{ "twice", -EINVAL, "value \"y\" is defined twice",
	  ONE("Relu x y; node Abs x y") },
	{ "circle", -EINVAL, "needs its own output",
	  ONE("Add x,z y; node Relu y z") },
	{ "missing input", -EINVAL, "operator 0 (Add): input 1 is missing",
	  ONE("Add x y") },
	{ "attribute", -EOPNOTSUPP, "unsupported attribute \"speed\"",
	  ONE("Flatten x y speed=3") },
	{ "attribute's type", -EINVAL,
	  "attribute \"axis\" is of type 1, not 2",
	  ONE("Flatten x y axis=1f") },
	{ "type", -EOPNOTSUPP, "value \"x\" has unsupported type string",
	  "opset 13; input x string 1; output x" },
	{ "list of a loop", -EOPNOTSUPP, "a list whose length depends on",
	  "opset 13; input x f32 -; const m i64 - 3; const z f32 - 0; graph b;"
	  "input i i64 -; input c bool -; input v f32 -; node Greater v,z d;"
	  "output d; output v; output v; end; node Loop m,-,x y,s body=@b;"
	  "output y; output s" },
	{ "state of a loop", -EOPNOTSUPP, "value 3 of a loop changes its type",
	  "opset 13; input x f32 -; const m i64 - 3; const z f32 - 0; graph b;"
	  "input i i64 -; input c bool -; input v f32 -; node Greater v,z d;"
	  "output d; output d; end; node Loop m,-,x y body=@b; output y" },
	{ "limit of a loop", -EINVAL, "input 0 is no single int64",
	  "opset 13; input x f32 -; const z f32 - 0; graph b;"
	  "input i i64 -; input c bool -; input v f32 -; node Greater v,z d;"
	  "output d; output v; end; node Loop x,-,x y body=@b; output y" },
	{ "body of a loop", -EINVAL, "a graph of 1 inputs and 1 outputs",
	  "opset 13; input x f32 1; const m i64 - 3; graph b; input v f32 1;"
	  "output v; end; node Loop m,-,x y body=@b; output y" },
	{ "branches that differ", -EOPNOTSUPP, "results of branches differ",
	  "opset 13; input x f32 2; input q bool -; graph a; output x; end;"
	  "graph b; node ReduceSum x r; output r; end;"
	  "node If q y then_branch=@a else_branch=@b; output y" },
	{ "value of no graph", -EINVAL, "nothing yields value \"r\"",
	  "opset 13; input x f32 2; const q bool - 1; graph a; output r; end;"
	  "node If q y then_branch=@a else_branch=@a; output y" },
	{ "lstm weights", -EINVAL, "input 1 does not fit",
	  "opset 14; input x f32 3,2,3; const w f32 1,7,3 0;"
	  "const r f32 1,8,2 0; node LSTM x,w,r y hidden_size=2; output y" },
	{ "gru function", -EOPNOTSUPP, "unsupported activation \"Sine\"",
	  "opset 14; input x f32 3,2,3; const w f32 1,6,3 0; const r f32 1,6,2 0;"
	  "node GRU x,w,r y activations=['Sigmoid','Sine']; output y" },
	{ "equation", -EOPNOTSUPP, "'i' stands there twice",
	  "opset 13; input x f32 2,2; node Einsum x y equation='ii->i'; output y" },
	{ "equation's sizes", -EINVAL, "'j' is 2 and 3",
	  "opset 13; input x f32 2,2; input z f32 3,2;"
	  "node Einsum x,z y equation='ij,jk->ik'; output y" },
	{ "scatter that adds", -EOPNOTSUPP, "unsupported reduction add",
	  "opset 16; input x f32 4; const i i64 1,1 1; input u f32 1;"
	  "node ScatterND x,i,u y reduction='add'; output y" },
	{ "empty range", -EOPNOTSUPP, "a range of 0 values",
	  "opset 13; const a i64 - 5; const d i64 - 1; node Range a,a,d y; output y" },
	{ "unknown type", -EINVAL, "value \"x\" has unknown type 77",
	  "opset 13; input x 77 1; output x" },
	{ "unknown size", -EOPNOTSUPP,
	  "dimension 1 of \"x\" has no fixed size",
	  "opset 13; input x f32 1,width; output x" },
	{ "no size", -EINVAL, "dimension 1 of \"x\" is 0",
	  "opset 13; input x f32 1,0; output x" },
	{ "no shape", -EOPNOTSUPP, "input \"x\" is no tensor of known shape",
	  "opset 13; input x; output x" },
	{ "too many dimensions", -EOPNOTSUPP, "has 7 dimensions",
	  "opset 13; input x f32 1,1,1,1,1,1,1; output x" },
	{ "too many elements", -EINVAL, "more than 268435456 elements",
	  "opset 13; input x f32 16777216,16777216; output x" },
	{ "external data", -EOPNOTSUPP,
	  "value \"w\" lies in another file (external data)",
	  "opset 13; input x f32 1; external w f32 1; node Add x,w y;"
	  "output y" },
	{ "size of a constant", -EINVAL,
	  "value \"w\" has 4 bytes, its shape needs 8",
	  "opset 13; input x f32 2; short w f32 2; node Add x,w y;"
	  "output y" },
	{ "shape of a reshape", -EINVAL, "32 elements do not fit the shape",
	  "opset 13; input x f32 1,2,4,4; const s i64 2 5,-1;"
	  "node Reshape x,s y; output y" },
	{ "shape at run time", -EOPNOTSUPP,
	  "value \"s\" must be a constant of integers",
	  "opset 13; input x f32 1,2,4,4; input s i64 2;"
	  "node Reshape x,s y; output y" },
	{ "axis", -EINVAL, "axis 4 of 4 dimensions",
	  ONE("Softmax x y axis=4") },
	{ "permutation", -EINVAL, "\"perm\" names a dimension twice",
	  ONE("Transpose x y perm=[0,1,1,3]") },
	{ "concatenation", -EINVAL, "is not like the first",
	  "opset 13; input x f32 1,2; input z f32 2;"
	  "node Concat x,z y axis=0; output y" },
	{ "empty slice", -EOPNOTSUPP, "unsupported empty slice",
	  "opset 13; input x f32 4; const b i64 1 3; const e i64 1 1;"
	  "node Slice x,b,e y; output y" },
	{ "split", -EINVAL, "part 1 is 3 of 2",
	  "opset 13; input x f32 4; const s i64 2 2,3;"
	  "node Split x,s y,z; output y" },
	{ "weights", -EINVAL, "weights for 3 of 2 channels",
	  "opset 13; input x f32 1,2,4,4; const w f32 1,3,1,1 1;"
	  "node Conv x,w y; output y" },
	{ "groups", -EINVAL, "in 0 groups",
	  "opset 13; input x f32 1,2,4,4; const w f32 1,2,1,1 1;"
	  "node Conv x,w y group=0; output y" },
	{ "pads", -EINVAL, "\"pads\" has 3 entries, needs 4",
	  "opset 13; input x f32 1,2,4,4; const w f32 1,2,1,1 1;"
	  "node Conv x,w y pads=[1,1,1]; output y" },
	{ "strides", -EINVAL, "\"strides\" has the entry 0",
	  "opset 13; input x f32 1,2,4,4; const w f32 1,2,1,1 1;"
	  "node Conv x,w y strides=[0,1]; output y" },
	{ "window", -EINVAL, "a window of 5 on 4 cells",
	  ONE("MaxPool x y kernel_shape=[5,5]") },
	{ "no window", -EINVAL, "has no attribute \"kernel_shape\"",
	  ONE("MaxPool x y") },
	{ "matrices", -EINVAL, "4 columns times 3 rows",
	  "opset 13; input x f32 2,4; const w f32 3,2 1;"
	  "node MatMul x,w y; output y" },
	{ "broadcast", -EINVAL,
	  "dimension 1 is 4 of one input, 3 of the other",
	  "opset 13; input x f32 2,4; const w f32 3 1;"
	  "node Add x,w y; output y" },
	{ "types of a sum", -EINVAL, "float32 and int32 do not go together",
	  "opset 13; input x f32 2; const w i32 2 1;"
	  "node Add x,w y; output y" },
	{ "scales", -EINVAL, "3 scales, but 1 zero points",
	  "opset 13; input x f32 1,3; const s f32 3 1; const z u8 1 0;"
	  "node QuantizeLinear x,s,z y; output y" },
	{ "scale's type", -EINVAL, "scale of int32",
	  "opset 13; input x f32 1,3; const s i32 - 1;"
	  "node QuantizeLinear x,s y; output y" },
	{ "scales of weights", -EINVAL, "3 scales of weights for 4 channels",
	  "opset 13; input x i8 1,2,4,4; const s f32 - 1; const z i8 - 0;"
	  "const w i8 4,1,1,1 1; const t f32 3 1; const o i8 3 0;"
	  "node QLinearConv x,s,z,w,t,o,s,z y group=2; output y" },
	{ "more biases than scales", -EOPNOTSUPP, "unsupported",
	  "opset 13; input x f32 1,1,4,4; const s f32 - 1; const z i8 - 0;"
	  "const w i8 2,1,1,1 1; const t f32 2 1; const o i8 2 0;"
	  "const b i32 1024 1; const u f32 - 1; const n i32 - 0;"
	  "node QuantizeLinear x,s,z q; node DequantizeLinear q,s,z d;"
	  "node DequantizeLinear w,t,o v axis=0;"
	  "node DequantizeLinear b,u,n c; node Conv d,v,c e;"
	  "node QuantizeLinear e,s,z y; output y" },
	{ "modes of resize", -EOPNOTSUPP, "unsupported mode cubic",
	  "opset 13; input x f32 1,2,4,4; const s f32 4 1,1,2,2;"
	  "node Resize x,-,s y mode='cubic'; output y" },
	{ "scale of resize", -EINVAL, "scale 2 is 0",
	  "opset 13; input x f32 1,2,4,4; const s f32 4 1,1,0,2;"
	  "node Resize x,-,s y; output y" },
};

static void test_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t bytes[TINY_ONNX_MAX];
		size_t size = tiny_onnx_write(wrong[i].model, bytes);
		struct tnc_error error;
		int status = compile(bytes, size, &error);

		if (status != wrong[i].status ||
		    !strstr(error.text, wrong[i].text))
			fail_msg("%s: %d, \"%s\"", wrong[i].name, status,
				 error.text);
	}
}

/* Scales that all of the models below have. */
#define Q "const s f32 - 0.5; const z u8 - 128; const r f32 - 0.25;"

/* What operators a model comes to, when transpositions have met. */
static const struct {
	const char *name;
	const char *model;
	const char *operators;
} graphs[] = {
	{ "float convolutions",
	  "opset 13; input x f32 1,2,4,4; const w f32 2,2,3,3 1; const b f32 2 1;"
	  "node Conv x,w,b c pads=[1,1,1,1]; node Relu c r;"
	  "node Conv r,w d auto_pad='SAME_UPPER'; node Add d,r y; output y",
	  "transpose conv_2d relu conv_2d add transpose" },
	{ "depthwise and grouped",
	  "opset 13; input x f32 1,4,4,4; const w f32 4,1,3,3 1;"
	  "const v f32 4,2,1,1 1; node Conv x,w c group=4;"
	  "node Conv c,v y group=2; output y",
	  "transpose depthwise_conv_2d slice conv_2d slice conv_2d "
	  "concatenation transpose" },
	{ "a line of samples",
	  "opset 13; input x f32 1,2,9; const w f32 3,2,3 1;"
	  "node Conv x,w c; node MaxPool c y kernel_shape=[2]; output y",
	  "reshape transpose conv_2d max_pool_2d reshape transpose" },
	{ "wide padding",
	  "opset 13; input x f32 1,1,4,4; const w f32 1,1,1,1 1;"
	  "node Conv x,w y pads=[1,0,0,0]; output y",
	  "reshape pad conv_2d reshape" },
	{ "between bytes",
	  "opset 13; input x f32 1,2,4,4;" Q
	  "const w u8 2,2,1,1 1; const b f32 2 1; node QuantizeLinear x,s,z q;"
	  "node DequantizeLinear q,s,z d; node DequantizeLinear w,r,z v;"
	  "node Conv d,v,b c; node Relu c a; node QuantizeLinear a,r,z p;"
	  "node DequantizeLinear p,r,z e; node Sigmoid e f;"
	  "node QuantizeLinear f,r,z g; node DequantizeLinear g,r,z y;"
	  "output y",
	  "quantize transpose conv_2d logistic transpose dequantize" },
	{ "six at most",
	  "opset 13; input x f32 1,2,4,4;" Q
	  "const w u8 2,2,1,1 1; const n f32 - 0; const m f32 - 6;"
	  "node QuantizeLinear x,s,z q; node DequantizeLinear q,s,z d;"
	  "node DequantizeLinear w,r,z v; node Conv d,v c; node Clip c,n,m a;"
	  "node QuantizeLinear a,r,z p; node DequantizeLinear p,r,z y;"
	  "output y",
	  "quantize transpose conv_2d transpose dequantize" },
	{ "weights by channel",
	  "opset 13; input x f32 1,2,4,4;" Q
	  "const w i8 2,1,1,1 1; const t f32 2 0.1,0.2; const o i8 2 0;"
	  "node QuantizeLinear x,s,z q; node DequantizeLinear q,s,z d;"
	  "node DequantizeLinear w,t,o v axis=0; node Conv d,v c group=2;"
	  "node QuantizeLinear c,r,z p; node DequantizeLinear p,r,z y;"
	  "output y",
	  "quantize transpose depthwise_conv_2d transpose dequantize" },
	{ "bytes only move",
	  "opset 13; input x u8 1,2,4,4;" Q "const n i64 2 1,-1;"
	  "node DequantizeLinear x,s,z d; node Transpose d e perm=[0,2,3,1];"
	  "node Reshape e,n f; node QuantizeLinear f,s,z y; output y",
	  "quantize transpose reshape quantize" },
	{ "another scale",
	  "opset 13; input x f32 1,4;" Q "node QuantizeLinear x,s,z q;"
	  "node DequantizeLinear q,s,z d; node QuantizeLinear d,r,z p;"
	  "node DequantizeLinear p,r,z y; output y",
	  "quantize quantize dequantize" },
	{ "a float result",
	  "opset 13; input x f32 1,2,4,4;" Q
	  "const w u8 2,2,1,1 1; node QuantizeLinear x,s,z q;"
	  "node DequantizeLinear q,s,z d; node DequantizeLinear w,r,z v;"
	  "node Conv d,v y; output y",
	  "quantize transpose dequantize conv_2d transpose" },
	{ "a layer of bytes",
	  "opset 13; input x f32 2,4;" Q
	  "const w u8 3,4 1; const b i32 3 1; const i i32 - 0;"
	  "const u f32 - 0.125; node QuantizeLinear x,s,z q;"
	  "node DequantizeLinear q,s,z d; node DequantizeLinear w,r,z v;"
	  "node DequantizeLinear b,u,i c; node Gemm d,v,c g transB=1;"
	  "node QuantizeLinear g,r,z p; node DequantizeLinear p,r,z y;"
	  "output y",
	  "quantize fully_connected dequantize" },
	{ "products of bytes",
	  "opset 13; input x f32 2,3,4; input w f32 2,4,5;" Q
	  "node QuantizeLinear x,s,z q; node DequantizeLinear q,s,z d;"
	  "node QuantizeLinear w,r,z p; node DequantizeLinear p,r,z v;"
	  "node MatMul d,v m; node QuantizeLinear m,s,z o;"
	  "node DequantizeLinear o,s,z y; output y",
	  "quantize quantize batch_matmul dequantize" },
	{ "flat",
	  "opset 13; input x f32 1,2,4,4; const w f32 2,2,1,1 1;"
	  "const m f32 8,3 1; const c f32 3 1; node Conv x,w k;"
	  "node MaxPool k p kernel_shape=[2,2] strides=[2,2];"
	  "node Flatten p f; node Gemm f,m,c y; output y",
	  "transpose conv_2d max_pool_2d reshape fully_connected" },
	{ "scales of inputs",
	  "opset 13; input x u8 1,1,4,4; input xs f32 -; input xz u8 -;"
	  "const w u8 1,1,1,1 1; const s f32 - 0.5; const z u8 - 1;"
	  "node QLinearConv x,xs,xz,w,s,z,s,z y; output y",
	  "reshape conv_integer reshape" },
	{ "shapes of shapes",
	  "opset 13; input x f32 2,3,4; node Shape x s; const i i64 1 0;"
	  "const m i64 1 -1; node Gather s,i b; node Concat b,m t axis=0;"
	  "node Reshape x,t y; output y",
	  "reshape" },
	{ "nearest and linear",
	  "opset 13; input x f32 1,2,4,4; const a f32 4 1,1,2,2;"
	  "const b i64 4 1,2,3,3; node Resize x,-,a u; node Resize u,-,-,b v;"
	  "node Resize v,-,a y mode='linear'; output y",
	  "transpose resize_nearest_neighbor gather gather "
	  "resize_bilinear transpose" },
	{ "an output that is an input",
	  "opset 13; input x f32 2; node Identity x y; output y", "reshape" },
};

/* Float models whose result can be told without a computer: input x, output y. */
static const struct {
	const char *name;
	const char *model;
	float in[8];
	int count;
	float out[16];
} values[] = {
	{ "pixels become squares",
	  "opset 13; input x f32 1,1,2,2; const w f32 1,1,2,2 1;"
	  "node ConvTranspose x,w y strides=[2,2]; output y",
	  { 1, 2, 3, 4 }, 16,
	  { 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4 } },
	{ "less a row and a column",
	  "opset 13; input x f32 1,1,2,2; const w f32 1,1,2,2 1;"
	  "node ConvTranspose x,w y strides=[2,2] pads=[1,0,0,1]; output y",
	  { 1, 2, 3, 4 }, 9, { 1, 1, 2, 3, 3, 4, 3, 3, 4 } },
	{ "a size that is asked for",
	  "opset 13; input x f32 1,1,2,2; const w f32 1,1,2,2 1;"
	  "node ConvTranspose x,w y strides=[2,2] output_shape=[3,3]; output y",
	  { 1, 2, 3, 4 }, 9, { 1, 2, 2, 3, 4, 4, 3, 4, 4 } },
	{ "mean 2, deviation 1",
	  "opset 13; input x f32 1,1,2; const a f32 1 3; const b f32 1 10;"
	  "node InstanceNormalization x,a,b y epsilon=0f; output y",
	  { 1, 3 }, 2, { 7, 13 } },
	{ "3, 4, 5",
	  "opset 13; input x f32 2; node ReduceL2 x y; output y",
	  { 3, -4 }, 1, { 5 } },
	{ "magnitudes",
	  "opset 13; input x f32 2; node ReduceL1 x y; output y",
	  { 3, -4 }, 1, { 7 } },
	{ "softsign",
	  "opset 13; input x f32 2; node Softsign x y; output y",
	  { 1, -3 }, 2, { 0.5f, -0.75f } },
	{ "mean",
	  "opset 13; input x f32 2; const c f32 2 1,2; node Mean x,c,c y; output y",
	  { 4, 5 }, 2, { 2, 3 } },
	{ "backwards",
	  "opset 13; input x f32 4; const b i64 1 -1; const e i64 1 -9;"
	  "const a i64 1 0; const t i64 1 -2; node Slice x,b,e,a,t y; output y",
	  { 1, 2, 3, 4 }, 2, { 4, 2 } },
	{ "windows that begin within",
	  "opset 13; input x f32 1,1,1,4;"
	  "node MaxPool x y kernel_shape=[1,2] strides=[1,3] ceil_mode=1; output y",
	  { 1, 2, 3, 4 }, 2, { 2, 4 } },
	{ "softmax of all from the axis on",
	  "opset 12; input x f32 1,2,2; node Softmax x y axis=1; output y",
	  { 0, 0, 0, 0 }, 4, { 0.25f, 0.25f, 0.25f, 0.25f } },
	{ "channels in blocks",
	  "opset 13; input x f32 1,4,1,1; node DepthToSpace x y blocksize=2 mode='CRD';"
	  "output y",
	  { 1, 2, 3, 4 }, 4, { 1, 2, 3, 4 } },
};

static void test_values(void **state)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		uint8_t bytes[TINY_ONNX_MAX];
		size_t size = tiny_onnx_write(values[i].model, bytes);
		const void *in = values[i].in;
		struct tnc_options options;
		struct tnc_tensor_info info;
		struct tnc_graph *graph;
		struct tnc_error error;
		float result[16];
		void *out = result;

		tnc_options_init(&options);
		options.name = values[i].name;
		if (tnc_graph_open(bytes, size, &options, &graph, &error))
			fail_msg("%s", error.text);
		tnc_graph_output(graph, 0, &info);
		assert_int_equal(info.size_bytes, values[i].count * 4);
		if (tnc_graph_run(graph, &in, &out, &error))
			fail_msg("%s", error.text);
		for (int k = 0; k < values[i].count; k++)
			if (result[k] != values[i].out[k])
				fail_msg("%s: element %d is %g, not %g",
					 values[i].name, k, result[k],
					 values[i].out[k]);
		tnc_graph_close(graph);
	}
}

/* The first words of the lines that are operators. */
static void list_operators(char *printed, char *list)
{
	char *rest, *line;

	*list = 0;
	for (line = strtok_r(printed, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *space = strchr(line, ' ');

		if (*line == ' ' || !strstr(line, " = ") || !space)
			continue;
		*space = 0;
		if (*list)
			strcat(list, " ");
		strcat(list, line);
	}
}

static void test_graphs(void **state)
{
	for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
		uint8_t bytes[TINY_ONNX_MAX];
		size_t size = tiny_onnx_write(graphs[i].model, bytes), printed;
		struct tnc_options options;
		struct tnc_graph *graph;
		struct tnc_error error;
		char *text, list[1024];
		FILE *to = open_memstream(&text, &printed);

		tnc_options_init(&options);
		options.name = graphs[i].name;
		if (tnc_graph_open(bytes, size, &options, &graph, &error) ||
		    tnc_graph_pass(graph, 't', &error) ||
		    tnc_graph_pass(graph, 'f', &error))
			fail_msg("%s", error.text);
		tnc_graph_print(graph, to);
		fclose(to);
		list_operators(text, list);
		if (strcmp(list, graphs[i].operators))
			fail_msg("%s: %s", graphs[i].name, list);
		free(text);
		tnc_graph_close(graph);
	}
}

/* Bytes that are no ONNX: what is said, and at which offset. */
static const struct {
	const char *text;
	size_t size;
	const char *bytes;
} malformed[] = {
	{ "offset 0x2: a field goes beyond", 4, "\x08\x08\x3a\x7f" },
	{ "offset 0x2: there is no such field", 3, "\x08\x08\x00" },
	{ "offset 0x2: unknown kind of field", 3, "\x08\x08\x3b" },
	{ "offset 0x2: a field is of the wrong kind", 4, "\x08\x08\x38\x01" },
	{ "offset 0x3: a number does not end", 14,
	  "\x08\x08\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80" },
	{ "offset 0x4: a field occurs twice", 6, "\x08\x08\x3a\x00\x3a\x00" },
	{ "the model has no graph", 2, "\x08\x08" },
	{ "offset 0x4: a field goes beyond", 6, "\x08\x08\x3a\x02\x0a\x01" },
};

static void test_malformed(void **state)
{
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct tnc_error error;
		int status = compile((const uint8_t *)malformed[i].bytes,
				     malformed[i].size, &error);

		if (status != -EINVAL || !strstr(error.text, malformed[i].text))
			fail_msg("%zu: %d, \"%s\"", i, status, error.text);
	}
}

/* What says that it is a TensorFlow Lite model is not taken for ONNX. */
static void test_detection(void **state)
{
	struct tnc_error error;

	assert_int_equal(compile((const uint8_t *)"\x08\x08\0\0TFL3", 8, &error),
			 -EINVAL);
	assert_null(strstr(error.text, "field"));
	/* Fields may come in any order. */
	assert_int_equal(compile((const uint8_t *)"\x3a\0\x08\x08", 4, &error),
			 -EINVAL);
	assert_non_null(strstr(error.text, "names no opset"));
}

/* A graph in an attribute of a node of a graph, again and again. */
static void test_depth(void **state)
{
	static uint8_t bytes[1 << 16];
	size_t size = 0, at = sizeof(bytes);
	struct tnc_error error;

	for (int i = 0; i < 40; i++) {
		static const uint8_t tags[] = { 0x32, 0x2a, 0x0a };

		for (int k = 0; k < 3; k++) {
			at -= 4;
			bytes[at] = tags[k];
			bytes[at + 1] = (size & 0x7f) | 0x80;
			bytes[at + 2] = (size >> 7 & 0x7f) | 0x80;
			bytes[at + 3] = size >> 14;
			size += 4;
		}
	}
	at -= 6;
	memcpy(bytes + at, "\x08\x08\x3a", 3);
	bytes[at + 3] = (size & 0x7f) | 0x80;
	bytes[at + 4] = (size >> 7 & 0x7f) | 0x80;
	bytes[at + 5] = size >> 14;
	assert_int_equal(compile(bytes + at, size + 6, &error), -EINVAL);
	assert_non_null(strstr(error.text, "messages are nested too deep"));
}

static void test_prefixes(void **state)
{
	uint8_t bytes[TINY_ONNX_MAX];
	size_t size = tiny_onnx_write(SOUND, bytes);
	struct tnc_error error;

	for (size_t n = 0; n < size; n++) {
		/* Of its own size, so that a read beyond it is seen. */
		uint8_t *prefix = malloc(n ? n : 1);

		memcpy(prefix, bytes, n);
		assert_int_not_equal(compile(prefix, n, &error), 0);
		free(prefix);
	}
}

static uint32_t random_below(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (*seed >> 33) % below;
}

static void mutate(uint64_t *seed, uint8_t *bytes, size_t size)
{
	int changes = 1 + random_below(seed, 4);

	for (int i = 0; i < changes; i++) {
		uint32_t at = random_below(seed, size);

		if (random_below(seed, 2))
			bytes[at] ^= 1 << random_below(seed, 8);
		else
			bytes[at] = random_below(seed, 2) ? 0xff : 0x80;
	}
}

static void check_mutations(const char *model, int count, int least)
{
	uint8_t bytes[TINY_ONNX_MAX];
	size_t size = tiny_onnx_write(model, bytes);
	uint64_t seed = 1;
	int accepted = 0;

	for (int i = 0; i < count; i++) {
		uint8_t *mutant = malloc(size);
		struct tnc_error error;

		memcpy(mutant, bytes, size);
		mutate(&seed, mutant, size);
		accepted += !compile(mutant, size, &error);
		free(mutant);
	}
	/* Both ways have to be taken, or the test shows nothing. */
	assert_in_range(accepted, least, count - least);
}

static void test_mutations(void **state)
{
	check_mutations(SOUND, MUTATIONS, MUTATIONS / 100);
}

static void test_allocations(void **state)
{
	uint8_t bytes[TINY_ONNX_MAX];
	size_t size = tiny_onnx_write(SOUND, bytes);
	struct tnc_error error;
	uint64_t n = 1;
	int status;

	while ((status = compile_limited(bytes, size, n, &error))) {
		assert_int_equal(status, -ENOMEM);
		n++;
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_graphs),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_detection),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
