# SPDX-License-Identifier: MIT
"""The integer arithmetic of TensorFlow Lite Micro's reference kernels.

All functions take and give numpy int64 arrays that hold int32 values.
Requantisation rounds twice, as TFLM does without TFLITE_SINGLE_ROUNDING.
A fixed-point number with n integer bits is an int32 r that stands for
r / 2**(31 - n). Used by int8.py.
"""

import math

import numpy as np

INT32_MAX = (1 << 31) - 1
INT32_MIN = -(1 << 31)


def divide(a, b):
    """a / b truncated towards zero, as C divides; b > 0."""
    return np.sign(a) * (np.abs(a) // b)


def high_multiply(a, b):
    """Saturating rounding doubling high multiply: a * b / 2**31."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return np.minimum(divide(product + nudge, 1 << 31), INT32_MAX)


def shift_right(x, shift):
    """x / 2**shift, half away from zero."""
    mask = (np.int64(1) << shift) - 1
    threshold = (mask >> 1) + (x < 0)
    return (x >> shift) + ((x & mask) > threshold)


def shift_left(x, shift):
    """x * 2**shift, saturated."""
    return np.clip(np.asarray(x, np.int64) << shift, INT32_MIN, INT32_MAX)


def multiplier_and_shift(real):
    """(31-bit multiplier, exponent) of a positive real factor."""
    fraction, exponent = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, exponent = multiplier // 2, exponent + 1
    if exponent < -31:
        return 0, 0
    return multiplier, exponent


def requantise(x, multiplier, exponent):
    """x * multiplier / 2**31 * 2**exponent, in two roundings."""
    left, right = np.maximum(exponent, 0), np.maximum(-exponent, 0)
    return shift_right(high_multiply(x << left, multiplier), right)


# gemmlowp's exp(-2**k) for k = -2..4, with 0 integer bits.
EXP_OF_MINUS_POWER = ((-2, 1672461947), (-1, 1302514674), (0, 790015084),
                      (1, 290630308), (2, 39332535), (3, 720401), (4, 242))
EXP_OF_MINUS_EIGHTH = 1895147668
ONE_THIRD = 715827883
DIFFERENCE_BITS = 5     # integer bits of the argument of exp


def _exp_near_zero(a):
    """exp(a) for -1/4 <= a < 0 (0 integer bits): a series around -1/8."""
    x = a + (1 << 28)
    x2 = high_multiply(x, x)
    x3, x4 = high_multiply(x2, x), high_multiply(x2, x2)
    tail = high_multiply(shift_right(x4, 2) + x3, ONE_THIRD) + x2
    return EXP_OF_MINUS_EIGHTH + high_multiply(EXP_OF_MINUS_EIGHTH,
                                               x + shift_right(tail, 1))


def exp(a):
    """exp(a) for a <= 0: 5 integer bits in, 0 out."""
    fraction_bits = 31 - DIFFERENCE_BITS
    quarter = 1 << (fraction_bits - 2)
    near = (a & (quarter - 1)) - quarter
    result = _exp_near_zero(shift_left(near, DIFFERENCE_BITS))
    rest = near - a
    for power, factor in EXP_OF_MINUS_POWER:
        bit = (rest >> (fraction_bits + power)) & 1
        result = np.where(bit, high_multiply(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


def _one_over_one_plus(a):
    """1 / (1 + a) for 0 <= a < 1 (0 integer bits): three Newton steps."""
    half_denominator = (a + INT32_MAX + 1) >> 1
    x = 1515870810 + high_multiply(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - high_multiply(half_denominator, x)
        x = x + shift_left(high_multiply(x, error), 2)
    return shift_left(x, 1)


def reciprocal(x, integer_bits):
    """(r, n): r with 0 integer bits, 1/x = r * 2**-n. x > 0 with the given
    integer bits."""
    bit_length = np.frexp(x.astype(float))[1]
    headroom = 32 - bit_length
    fraction = (x << headroom) - (np.int64(1) << 31)
    return _one_over_one_plus(fraction), integer_bits - headroom
