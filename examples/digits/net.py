# SPDX-License-Identifier: MIT
"""The float network and its training, in numpy.

Each layer has forward(x), which remembers what backward(dy) needs; backward
returns the gradient of its input and leaves those of the parameters in
`grads`. Pictures are arrays [image, y, x, channel]; kernels have the layout
of TensorFlow Lite. Used by train.py; quantise.py reads the trained layers.
"""

import numpy as np

from exact import column_sums, exp, matmul, row_sums


def same_padding(size, kernel, stride):
    """(before, after) of SAME padding: the odd cell is at the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x, kernel, stride):
    rows = same_padding(x.shape[1], kernel, stride)
    cols = same_padding(x.shape[2], kernel, stride)
    return np.pad(x, ((0, 0), rows, cols, (0, 0))), rows[0], cols[0]


def taps(x, kernel, stride, height, width):
    """For each kernel cell: the slices of padded x that it is applied to."""
    for ky in range(kernel):
        for kx in range(kernel):
            yield ky, kx, (slice(None),
                           slice(ky, ky + (height - 1) * stride + 1, stride),
                           slice(kx, kx + (width - 1) * stride + 1, stride))


def uniform(rng, shape, fan_in):
    """He initialisation with a uniform distribution."""
    return (rng.random_sample(shape) * 2 - 1) * np.sqrt(6.0 / fan_in)


class Conv:
    """CONV_2D, SAME, ReLU. weights [out, ky, kx, in]."""

    def __init__(self, rng, inputs, outputs, kernel, stride=1):
        self.kernel, self.stride = kernel, stride
        shape = (outputs, kernel, kernel, inputs)
        self.params = [uniform(rng, shape, kernel * kernel * inputs),
                       np.zeros(outputs)]

    def forward(self, x):
        weights, bias = self.params
        n, h, w, c = x.shape
        oh, ow = -(-h // self.stride), -(-w // self.stride)
        padded, self.top, self.left = pad_same(x, self.kernel, self.stride)
        self.padded_shape, self.shape = padded.shape, x.shape
        patches = np.concatenate(
            [padded[s] for _, _, s in
             taps(padded, self.kernel, self.stride, oh, ow)], axis=3)
        self.patches = patches.reshape(n * oh * ow, -1)
        y = matmul(self.patches, weights.reshape(len(bias), -1).T) + bias
        self.y = np.maximum(y, 0).reshape(n, oh, ow, -1)
        return self.y

    def backward(self, dy):
        weights, bias = self.params
        n, oh, ow, _ = dy.shape
        dy = (dy * (self.y > 0)).reshape(-1, len(bias))
        self.grads = [matmul(dy.T, self.patches).reshape(weights.shape),
                      column_sums(dy)]
        if self.shape[3] == 1:
            return None     # the first layer: nobody asks
        patches = matmul(dy, weights.reshape(len(bias), -1))
        patches = patches.reshape(n, oh, ow, self.kernel ** 2, -1)
        padded = np.zeros(self.padded_shape)
        for ky, kx, s in taps(padded, self.kernel, self.stride, oh, ow):
            padded[s] += patches[:, :, :, ky * self.kernel + kx]
        return padded[:, self.top:self.top + self.shape[1],
                      self.left:self.left + self.shape[2]]


class Depthwise:
    """DEPTHWISE_CONV_2D, SAME, ReLU. weights [1, ky, kx, channel]."""

    def __init__(self, rng, channels, kernel, stride):
        self.kernel, self.stride = kernel, stride
        self.params = [uniform(rng, (1, kernel, kernel, channels),
                               kernel * kernel), np.zeros(channels)]

    def forward(self, x):
        weights, bias = self.params
        oh, ow = -(-x.shape[1] // self.stride), -(-x.shape[2] // self.stride)
        self.padded, self.top, self.left = pad_same(x, self.kernel,
                                                    self.stride)
        self.shape = x.shape
        y = bias
        for ky, kx, s in taps(x, self.kernel, self.stride, oh, ow):
            y = y + self.padded[s] * weights[0, ky, kx]
        self.y = np.maximum(y, 0)
        return self.y

    def backward(self, dy):
        weights, bias = self.params
        dy = dy * (self.y > 0)
        dweights, dpadded = np.zeros(weights.shape), np.zeros(self.padded.shape)
        for ky, kx, s in taps(dy, self.kernel, self.stride, *dy.shape[1:3]):
            product = self.padded[s] * dy
            dweights[0, ky, kx] = column_sums(product.reshape(-1, len(bias)))
            dpadded[s] += dy * weights[0, ky, kx]
        self.grads = [dweights, column_sums(dy.reshape(-1, len(bias)))]
        return dpadded[:, self.top:self.top + self.shape[1],
                       self.left:self.left + self.shape[2]]


class MaxPool:
    """MAX_POOL_2D 2x2, stride 2. Equal maxima share the gradient."""

    params = grads = ()

    @staticmethod
    def cells(x):
        n, h, w, c = x.shape
        x = x.reshape(n, h // 2, 2, w // 2, 2, c)
        return x.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)

    def forward(self, x):
        cells = self.cells(x)
        y = cells.max(axis=4)
        is_max = cells == y[..., None]
        self.share = is_max / is_max.sum(axis=4, keepdims=True)
        return y

    def backward(self, dy):
        n, h, w, c = dy.shape
        dx = (self.share * dy[..., None]).reshape(n, h, w, c, 2, 2)
        return dx.transpose(0, 1, 4, 2, 5, 3).reshape(n, 2 * h, 2 * w, c)


class Dense:
    """RESHAPE to a row, then FULLY_CONNECTED. weights [out, in]."""

    def __init__(self, rng, inputs, outputs):
        self.params = [uniform(rng, (outputs, inputs), inputs),
                       np.zeros(outputs)]

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return matmul(self.x, self.params[0].T) + self.params[1]

    def backward(self, dy):
        self.grads = [matmul(dy.T, self.x), column_sums(dy)]
        return matmul(dy, self.params[0]).reshape(self.shape)


def build(rng):
    """The network of this example, with fresh weights."""
    return [Conv(rng, 1, 16, 3), Conv(rng, 16, 24, 3), Depthwise(rng, 24, 3, 2),
            Conv(rng, 24, 48, 1), MaxPool(), Dense(rng, 4 * 48, 10)]


def forward(layers, x):
    """The logits of a batch of pictures [n, 8, 8] with values 0..1."""
    x = x[..., None]
    for layer in layers:
        x = layer.forward(x)
    return x


def activations(layers, x):
    """The output of every layer for a batch of pictures."""
    outputs = [x[..., None]]
    for layer in layers:
        outputs.append(layer.forward(outputs[-1]))
    return outputs[1:]


def accuracy(layers, x, labels):
    return float((forward(layers, x).argmax(axis=1) == labels).mean())


def backward(layers, logits, labels, smoothing):
    """Gradients of the mean cross entropy against smoothed labels."""
    e = exp(logits - logits.max(axis=1, keepdims=True))
    target = np.full(logits.shape, smoothing / 10)
    target[np.arange(len(labels)), labels] += 1 - smoothing
    d = (e / row_sums(e) - target) / len(labels)
    for layer in reversed(layers):
        d = layer.backward(d)


def distort(rng, x):
    """Each picture shifted, scaled and sheared a little, bilinearly."""
    n = len(x)
    matrix = (rng.random_sample((n, 2, 2)) * 2 - 1) * DISTORTION
    shift = (rng.random_sample((n, 2)) * 2 - 1) * SHIFT
    centre = np.arange(8) - 3.5
    y, x_ = centre[None, :, None], centre[None, None, :]
    at = [3.5 + base + matrix[:, i, 0, None, None] * y +
          matrix[:, i, 1, None, None] * x_ + shift[:, i, None, None]
          for i, base in enumerate((y, x_))]
    low = [np.floor(a) for a in at]
    padded = np.pad(x, ((0, 0), (4, 5), (4, 5)))
    out = 0
    for dy in (0, 1):
        for dx in (0, 1):
            iy = np.clip(low[0].astype(int) + dy + 4, 0, 16)
            ix = np.clip(low[1].astype(int) + dx + 4, 0, 16)
            weight = ((at[0] - low[0] if dy else 1 - (at[0] - low[0])) *
                      (at[1] - low[1] if dx else 1 - (at[1] - low[1])))
            out = out + padded[np.arange(n)[:, None, None], iy, ix] * weight
    return out


DISTORTION = 0.15       # of the picture's size, per element of the matrix
SHIFT = 0.7             # pixels
EPOCHS = 40
BATCH = 32
RATE = 0.004            # falls linearly to 0
SMOOTHING = 0.05


def train(rng, layers, x, labels, progress=lambda epoch: None):
    """Adam; the weights that stay are averages over the last steps."""
    params = [p for layer in layers for p in layer.params]
    mean = [np.zeros(p.shape) for p in params]
    square = [np.zeros(p.shape) for p in params]
    average = [p.copy() for p in params]
    per_epoch = len(x) // BATCH
    steps, step, decay1, decay2 = EPOCHS * per_epoch, 0, 1.0, 1.0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        distorted = distort(rng, x)
        for k in range(per_epoch):
            batch = order[k * BATCH:(k + 1) * BATCH]
            backward(layers, forward(layers, distorted[batch]),
                     labels[batch], SMOOTHING)
            rate = RATE * (1 - step / steps)
            step, decay1, decay2 = step + 1, decay1 * 0.9, decay2 * 0.99
            grads = [g for layer in layers for g in layer.grads]
            for p, g, m, s, a in zip(params, grads, mean, square, average):
                m += 0.1 * (g - m)
                s += 0.01 * (g * g - s)
                p -= rate * (m / (1 - decay1)) / (
                    np.sqrt(s / (1 - decay2)) + 1e-8)
                a += 0.01 * (p - a)
        progress(epoch)
    for p, a in zip(params, average):
        p[...] = a
