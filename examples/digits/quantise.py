# SPDX-License-Identifier: MIT
"""From the trained float layers of net.py to an int8 Graph.

Weights are symmetric, per output channel in convolutions; activations are
asymmetric with the range that the calibration pictures (training data) reach;
biases are int32 with scale input x weight. The picture enters as pixel - 128:
scale 1/255, zero point -128, so that 0..255 means 0..1. Used by train.py.
"""

import numpy as np

import net
from graph import (NO_ACTIVATION, RELU, SAME, VALID, Graph, Operator, Tensor)

INT8, INT32 = np.dtype("i1"), np.dtype("<i4")
PICTURE_SCALE, PROBABILITY_SCALE = 1 / 255, 1 / 256


def _quantisation(scale, zero_point=0):
    """Arguments of Tensor for one scale, or an array of them."""
    scale = np.atleast_1d(np.float32(scale))
    return {"scale": scale,
            "zero_point": np.full(len(scale), zero_point, "<i8")}


def _range_quantisation(values):
    """The scale and zero point that spread -128..127 over the values and 0."""
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    scale = np.float32((high - low) / 255)
    return _quantisation(scale, int(np.rint(-128 - low / float(scale))))


def _weights(graph, name, weights, axis):
    """Add int8 weights with a scale for each index of axis (None: one)."""
    others = tuple(i for i in range(weights.ndim) if i != axis)
    scale = np.atleast_1d(np.float32(np.abs(weights).max(axis=others) / 127))
    shape = [1] * weights.ndim
    if axis is not None:
        shape[axis] = -1
    data = np.rint(weights / scale.astype(float).reshape(shape))
    return graph.add(Tensor(
        name, weights.shape, INT8, **_quantisation(scale),
        quantized_dimension=axis or 0,
        data=np.clip(data, -127, 127).astype(INT8)))


def _bias(graph, name, bias, input_scale, weight_scale):
    """Add an int32 bias with the scale of the sums it is added to."""
    scale = np.float32(input_scale) * weight_scale
    data = np.rint(bias / scale.astype(float))
    limits = np.iinfo(INT32)
    return graph.add(Tensor(
        name, bias.shape, INT32, **_quantisation(scale),
        data=np.clip(data, limits.min, limits.max).astype(INT32)))


class Builder:
    """The graph so far and the tensor that its last operator made."""

    def __init__(self, name, description, height, width):
        self.graph = Graph(name, description)
        self.last = self.graph.add(Tensor(
            "picture", (1, height, width, 1), INT8,
            **_quantisation(PICTURE_SCALE, -128)))
        self.graph.inputs = [self.last]

    def _last(self):
        return self.graph.tensors[self.last]

    def append(self, name, version, options, shape, quantisation,
               constants=()):
        """An operator on the last tensor; its output is the new last one."""
        output = self.graph.add(Tensor(
            f"{name.lower()}_{len(self.graph.operators)}", shape, INT8,
            **quantisation))
        self.graph.operators.append(Operator(
            name, version, [self.last, *constants], [output], options))
        self.last = output

    def same_quantisation(self):
        return {"scale": self._last().scale,
                "zero_point": self._last().zero_point}

    def parameters(self, layer, axis):
        """The weights and bias of a layer as constants of the graph."""
        weights, bias = layer.params
        name = f"{len(self.graph.operators)}"
        w = _weights(self.graph, "weights_" + name, weights, axis)
        b = _bias(self.graph, "bias_" + name, bias, self._last().scale[0],
                  self.graph.tensors[w].scale)
        return w, b

    def conv(self, layer, output):
        options = {"padding": SAME, "stride_w": layer.stride,
                   "stride_h": layer.stride, "activation": RELU}
        self.append("CONV_2D", 3, options, (1,) + output.shape[1:],
                    _range_quantisation(output), self.parameters(layer, 0))

    def depthwise(self, layer, output):
        options = {"padding": SAME, "stride_w": layer.stride,
                   "stride_h": layer.stride, "depth_multiplier": 1,
                   "activation": RELU}
        self.append("DEPTHWISE_CONV_2D", 3, options, (1,) + output.shape[1:],
                    _range_quantisation(output), self.parameters(layer, 3))

    def max_pool(self, _, output):
        options = {"padding": VALID, "stride_w": 2, "stride_h": 2,
                   "filter_w": 2, "filter_h": 2, "activation": NO_ACTIVATION}
        self.append("MAX_POOL_2D", 2, options, (1,) + output.shape[1:],
                    self.same_quantisation())

    def dense(self, layer, output):
        inputs = layer.params[0].shape[1]
        shape = self.graph.add(Tensor("row_shape", (2,), INT32,
                                      data=np.array([1, inputs], INT32)))
        self.append("RESHAPE", 1, {"new_shape": (1, inputs)}, (1, inputs),
                    self.same_quantisation(), [shape])
        self.append("FULLY_CONNECTED", 4, {"activation": NO_ACTIVATION},
                    (1, output.shape[1]), _range_quantisation(output),
                    self.parameters(layer, None))

    def softmax(self):
        self.append("SOFTMAX", 2, {"beta": 1.0}, self._last().shape,
                    _quantisation(PROBABILITY_SCALE, -128))

    def finish(self):
        self.graph.outputs = [self.last]
        return self.graph


def quantise(layers, calibration, name, description):
    """The int8 Graph of float layers, ending in SOFTMAX."""
    builder = Builder(name, description, *calibration.shape[1:])
    add = {net.Conv: builder.conv, net.Depthwise: builder.depthwise,
           net.MaxPool: builder.max_pool, net.Dense: builder.dense}
    for layer, output in zip(layers, net.activations(layers, calibration)):
        add[type(layer)](layer, output)
    builder.softmax()
    return builder.finish()
