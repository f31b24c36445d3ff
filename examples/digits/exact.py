# SPDX-License-Identifier: MIT
"""Arithmetic that gives the same bits on every machine.

Training multiplies matrices, and a BLAS library may add in any order, with
or without fused multiply-add, so its results differ from one CPU to the next
in the last bit; after thousands of steps they differ in the first. Here each
factor of a product is first rounded to 18 bits below its largest element.
Then every product and every partial sum is an integer below 2**53 times a
power of two: float64 holds it exactly and the order does not matter.

Everything else is left to single IEEE operations (+ - * / sqrt), which have
one right answer. exp() has none, hence our own. Used by net.py.
"""

import math

import numpy as np

BITS = 17
MAX_TERMS = 1 << (53 - 2 * BITS)


def _to_integers(a):
    """Return integers in float64 and the exponent e with a ~ integers * 2**e."""
    top = float(np.abs(a).max(initial=0.0))
    exponent = math.frexp(top)[1] - BITS
    return np.rint(a * math.ldexp(1.0, -exponent)), exponent


def matmul(a, b):
    """a @ b of two matrices, without any rounding after the factors'."""
    assert a.shape[1] <= MAX_TERMS
    a, a_exponent = _to_integers(a)
    b, b_exponent = _to_integers(b)
    return (a @ b) * math.ldexp(1.0, a_exponent + b_exponent)


def column_sums(a):
    """The sum of each column of a matrix."""
    return matmul(np.ones((1, a.shape[0])), a)[0]


def row_sums(a):
    """The sum of each row of a matrix, as a column."""
    return matmul(a, np.ones((a.shape[1], 1)))


def exp(x):
    """e**x for x <= 0, to about 1e-15: (Taylor series of x/1024)**1024."""
    y = np.maximum(x, -700.0) * (1.0 / 1024.0)
    total = np.ones_like(y)
    for n in range(8, 0, -1):
        total = 1.0 + y * total / n
    for _ in range(10):
        total = total * total
    return total
