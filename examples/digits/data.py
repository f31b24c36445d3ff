# SPDX-License-Identifier: MIT
"""The handwritten digits, their split by writers, and pixels as bytes.

The 1797 pictures of sklearn.datasets.load_digits come from forms with about
130 digits each: the same sequence of labels repeats 14 times, now and then
with a digit missing. Training uses the first nine forms, tests the last five.
The data set names 13 writers and not who filled which form, so at most one
writer is on both sides of the border; no form is.
"""

import numpy as np
from sklearn.datasets import load_digits

# The index of the first picture of each form.
FORMS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545,
         1667)
FIRST_TEST_FORM = 9
CLASSES = 10


def to_pixels(values):
    """0..16 to 0..255. Sixteenths of 255, rounded; from_pixels inverts it."""
    return ((values.astype(int) * 255 + 8) // 16).astype(np.uint8)


def from_pixels(pixels):
    """0..255 to 0..16."""
    return (pixels.astype(int) * 16 + 127) // 255


def load():
    """All pixels [1797, 8, 8] (bytes, 255 = ink) and labels [1797]."""
    digits = load_digits()
    return to_pixels(digits.images), digits.target


def split(array):
    """(training part, test part) of pixels or labels."""
    border = FORMS[FIRST_TEST_FORM]
    return array[:border], array[border:]


def shown(labels):
    """Indices of the twelve pictures that are shown, chosen by a rule alone.

    Picture k is of class k mod 10 and from the test form k mod 5: the first
    of its class there for the first ten, the second for the other two.
    """
    ends = FORMS[1:] + (len(labels),)
    indices = []
    for k in range(12):
        form = FIRST_TEST_FORM + k % (len(FORMS) - FIRST_TEST_FORM)
        same = np.flatnonzero(labels[FORMS[form]:ends[form]] == k % CLASSES)
        indices.append(FORMS[form] + int(same[k // CLASSES]))
    return indices
