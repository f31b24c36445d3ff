# SPDX-License-Identifier: MIT
"""A quantised graph in memory, and the numbers of the .tflite schema for it.

quantise.py builds one, tflite_write.py and tflite_read.py turn it into a file
and back, int8.py runs it. Field numbers are those of the public TensorFlow
Lite schema (version 3); only what these five operators need is here.
"""

from dataclasses import dataclass, field

import numpy as np

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

# type number -> numpy type
TYPES = {0: np.dtype("<f4"), 2: np.dtype("<i4"), 9: np.dtype("i1")}

# operator -> (builtin code, number of its options table in the union,
#              fields of that table in order: name, kind, schema's default)
_POOL = (5, (("padding", "i8", 0), ("stride_w", "i32", 0),
             ("stride_h", "i32", 0), ("filter_w", "i32", 0),
             ("filter_h", "i32", 0), ("activation", "i8", 0)))
OPERATORS = {
    "AVERAGE_POOL_2D": (1,) + _POOL,
    "CONV_2D": (3, 1, (
        ("padding", "i8", 0), ("stride_w", "i32", 0), ("stride_h", "i32", 0),
        ("activation", "i8", 0), ("dilation_w", "i32", 1),
        ("dilation_h", "i32", 1))),
    "DEPTHWISE_CONV_2D": (4, 2, (
        ("padding", "i8", 0), ("stride_w", "i32", 0), ("stride_h", "i32", 0),
        ("depth_multiplier", "i32", 0), ("activation", "i8", 0),
        ("dilation_w", "i32", 1), ("dilation_h", "i32", 1))),
    "FULLY_CONNECTED": (9, 8, (
        ("activation", "i8", 0), ("weights_format", "i8", 0),
        ("keep_num_dims", "bool", 0))),
    "MAX_POOL_2D": (17,) + _POOL,
    "RESHAPE": (22, 17, (("new_shape", "ints", ()),)),
    "SOFTMAX": (25, 9, (("beta", "f32", 0.0),)),
}

SAME, VALID = 0, 1
NO_ACTIVATION, RELU, RELU6 = 0, 1, 3


@dataclass
class Tensor:
    """One tensor. scale and zero_point have one element, or one per channel
    of the axis quantized_dimension; none for a tensor without quantisation.
    data is None for what is computed."""
    name: str
    shape: tuple
    dtype: np.dtype
    scale: np.ndarray = field(default_factory=lambda: np.zeros(0, "<f4"))
    zero_point: np.ndarray = field(default_factory=lambda: np.zeros(0, "<i8"))
    quantized_dimension: int = 0
    data: np.ndarray = None


@dataclass
class Operator:
    """inputs and outputs are indices of tensors."""
    name: str
    version: int
    inputs: list
    outputs: list
    options: dict


@dataclass
class Graph:
    name: str
    description: str
    tensors: list = field(default_factory=list)
    operators: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)

    def add(self, tensor):
        """Append a tensor; return its index."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1
