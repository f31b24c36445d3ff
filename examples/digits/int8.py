# SPDX-License-Identifier: MIT
"""Runs a Graph of int8 operators, bit for bit as TensorFlow Lite Micro does.

One function per operator in KERNELS: (graph, operator, input arrays) to the
output array. The first axis is the batch and may be of any length. Sums are
made by float64 matrix products, which are exact here: they stay below 2**53.
Used by train.py and tests/digits.
"""

import numpy as np

import fixed_point as fp
from graph import NO_ACTIVATION, RELU, RELU6, SAME

SUM_BITS = 12           # integer bits of the sum in SOFTMAX


def _scale(tensor):
    return tensor.scale.astype(float)


def _activation_range(activation, tensor):
    """What a fused activation leaves of -128..127."""
    zero, low, high = int(tensor.zero_point[0]), -128, 127
    if activation in (RELU, RELU6):
        low = max(low, zero)
    if activation == RELU6:
        six = np.float32(6) / np.float32(tensor.scale[0])
        high = min(high, zero + int(np.floor(six + np.float32(0.5))))
    if activation not in (NO_ACTIVATION, RELU, RELU6):
        raise ValueError(f"activation {activation}")
    return low, high


def _factors(x, weights, y, in_single):
    """The real factor of each channel's sum. A fully connected layer with
    one scale forms the product in single precision, all others in double."""
    if in_single and len(weights.scale) == 1:
        return (x.scale[0] * weights.scale).astype(float) / _scale(y)[0]
    return _scale(x)[0] * _scale(weights) / _scale(y)[0]


def _output_stage(graph, op, sums, in_single=False):
    """int32 sums [..., channel] to int8: bias, scale, zero point, clamp."""
    x, weights, y = (graph.tensors[i] for i in (*op.inputs[:2], op.outputs[0]))
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        sums = sums + graph.tensors[op.inputs[2]].data
    pairs = [fp.multiplier_and_shift(factor)
             for factor in _factors(x, weights, y, in_single)]
    multiplier, exponent = np.array(pairs, np.int64).T
    scaled = fp.requantise(sums.astype(np.int64), multiplier, exponent)
    return np.clip(scaled + y.zero_point[0], *_activation_range(
        op.options.get("activation", NO_ACTIVATION), y)).astype(np.int8)


def _windows(x, op, kernel_h, kernel_w, fill):
    """Patches [batch, y, x, kernel_h, kernel_w, channel] of the input."""
    o = op.options
    padding = [(0, 0)]
    for size, kernel, axis in ((x.shape[1], kernel_h, "h"),
                               (x.shape[2], kernel_w, "w")):
        stride, dilation = o["stride_" + axis], o.get("dilation_" + axis, 1)
        extent = (kernel - 1) * dilation + 1
        total = 0
        if o["padding"] == SAME:
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
        padding.append((total // 2, total - total // 2))
    x = np.pad(x, padding + [(0, 0)], constant_values=fill)
    extents = ((kernel_h - 1) * o.get("dilation_h", 1) + 1,
               (kernel_w - 1) * o.get("dilation_w", 1) + 1)
    view = np.lib.stride_tricks.sliding_window_view(x, extents, axis=(1, 2))
    view = view[:, ::o["stride_h"], ::o["stride_w"], :,
                ::o.get("dilation_h", 1), ::o.get("dilation_w", 1)]
    return view.transpose(0, 1, 2, 4, 5, 3)


def _centred(graph, op, x):
    """Inputs minus their zero point, as floats."""
    return x.astype(float) - graph.tensors[op.inputs[0]].zero_point[0]


def conv_2d(graph, op, x, weights, *_):
    outputs, kh, kw, _ = weights.shape
    patches = _windows(_centred(graph, op, x), op, kh, kw, 0)
    rows = patches.reshape(*patches.shape[:3], -1)
    return _output_stage(graph, op,
                         rows @ weights.reshape(outputs, -1).T.astype(float))


def depthwise_conv_2d(graph, op, x, weights, *_):
    _, kh, kw, outputs = weights.shape
    patches = _windows(_centred(graph, op, x), op, kh, kw, 0)
    patches = np.repeat(patches, outputs // x.shape[3], axis=5)
    return _output_stage(graph, op, (patches * weights[0]).sum(axis=(3, 4)))


def fully_connected(graph, op, x, weights, *_):
    rows = _centred(graph, op, x).reshape(-1, weights.shape[1])
    return _output_stage(graph, op, rows @ weights.T.astype(float),
                         in_single=True)


def max_pool_2d(graph, op, x):
    cells = _windows(x, op, op.options["filter_h"], op.options["filter_w"],
                     -128).max(axis=(3, 4))
    return np.clip(cells, *_activation_range(
        op.options["activation"], graph.tensors[op.outputs[0]]))


def average_pool_2d(graph, op, x):
    shape = op.options["filter_h"], op.options["filter_w"]
    sums = _windows(x.astype(np.int64), op, *shape, 0).sum(axis=(3, 4))
    inside = np.ones(x.shape[:3] + (1,), np.int64)
    count = _windows(inside, op, *shape, 0).sum(axis=(3, 4))
    mean = fp.divide(sums + np.where(sums > 0, 1, -1) * (count // 2), count)
    return np.clip(mean, *_activation_range(
        op.options["activation"],
        graph.tensors[op.outputs[0]])).astype(np.int8)


def reshape(graph, op, x, *_):
    shape = graph.tensors[op.outputs[0]].shape
    return x.reshape((len(x),) + tuple(shape[1:]))


def softmax(graph, op, x):
    factor = op.options["beta"] * _scale(graph.tensors[op.inputs[0]])[0]
    multiplier, exponent = fp.multiplier_and_shift(
        min(factor * (1 << (31 - fp.DIFFERENCE_BITS)), fp.INT32_MAX))
    lowest = -((((1 << fp.DIFFERENCE_BITS) - 1) <<
                (31 - fp.DIFFERENCE_BITS)) >> exponent)
    difference = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    counts = difference >= lowest
    scaled = fp.high_multiply(np.where(counts, difference, 0) << exponent,
                              multiplier)
    exps = np.where(counts, fp.exp(scaled), 0)
    sums = fp.shift_right(exps, SUM_BITS).sum(axis=-1, keepdims=True)
    inverse, bits_over = fp.reciprocal(sums, SUM_BITS)
    y = fp.shift_right(fp.high_multiply(inverse, exps), bits_over + 31 - 8)
    return np.where(counts, np.clip(y - 128, -128, 127), -128).astype(np.int8)


KERNELS = {
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": max_pool_2d,
    "RESHAPE": reshape,
    "SOFTMAX": softmax,
}


def run(graph, x):
    """The first output of the graph for a batch of inputs, both int8."""
    values = {i: t.data for i, t in enumerate(graph.tensors)
              if t.data is not None}
    values[graph.inputs[0]] = x
    for op in graph.operators:
        inputs = [values[i] for i in op.inputs if i >= 0]
        values[op.outputs[0]] = KERNELS[op.name](graph, op, *inputs)
    return values[graph.outputs[0]]
