"""Reverse-mode differentiation of numpy arrays in float64: as little as the models of models.py need."""

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _shrink(gradient, shape):
    """Sums what broadcasting has spread."""
    while gradient.ndim > len(shape):
        gradient = gradient.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient


class Node:
    """A value, and how the gradients of those that it was made of follow from its own."""

    def __init__(self, value, *parents):
        self.value = np.asarray(value, dtype=np.float64)
        self.parents = parents
        self.gradient = None

    def __add__(self, other):
        other = node(other)
        return Node(
            self.value + other.value,
            (self, lambda g: _shrink(g, self.value.shape)),
            (other, lambda g: _shrink(g, other.value.shape)),
        )

    def __mul__(self, other):
        other = node(other)
        return Node(
            self.value * other.value,
            (self, lambda g: _shrink(g * other.value, self.value.shape)),
            (other, lambda g: _shrink(g * self.value, other.value.shape)),
        )

    def __matmul__(self, other):
        return Node(
            self.value @ other.value,
            (self, lambda g: _shrink(g @ other.value.swapaxes(-1, -2), self.value.shape)),
            (other, lambda g: _shrink(self.value.swapaxes(-1, -2) @ g, other.value.shape)),
        )

    def __getitem__(self, index):
        def spread(gradient):
            whole = np.zeros_like(self.value)
            np.add.at(whole, index, gradient)
            return whole

        return Node(self.value[index], (self, spread))

    def reshape(self, *shape):
        return Node(self.value.reshape(shape), (self, lambda g: g.reshape(self.value.shape)))

    def transpose(self, *axes):
        return Node(self.value.transpose(axes), (self, lambda g: g.transpose(np.argsort(axes))))

    def sum(self):
        """Over the last axis, which stays."""
        return Node(
            self.value.sum(axis=-1, keepdims=True), (self, lambda g: np.broadcast_to(g, self.value.shape))
        )

    def mean(self):
        return self.sum() * (1 / self.value.shape[-1])

    def apply(self, value, slope):
        """A function of each element, by its values and derivatives."""
        return Node(value, (self, lambda g: g * slope))

    def power(self, exponent):
        return self.apply(self.value**exponent, exponent * self.value ** (exponent - 1))

    def exp(self):
        value = np.exp(self.value)
        return self.apply(value, value)

    def log(self):
        return self.apply(np.log(self.value), 1 / self.value)

    def tanh(self):
        value = np.tanh(self.value)
        return self.apply(value, 1 - value * value)

    def sigmoid(self):
        value = 1 / (1 + np.exp(-self.value))
        return self.apply(value, value * (1 - value))

    def erf(self):
        return self.apply(_erf(self.value), 2 / math.sqrt(math.pi) * np.exp(-self.value * self.value))

    def softmax(self):
        weights = (self + -self.value.max(axis=-1, keepdims=True)).exp()
        return weights * weights.sum().power(-1.0)


def node(value):
    return value if isinstance(value, Node) else Node(value)


def concatenate(parts, axis):
    ends = np.cumsum([part.value.shape[axis] for part in parts])

    def piece(index):
        start = ends[index] - parts[index].value.shape[axis]
        return lambda g: np.take(g, range(start, ends[index]), axis=axis)

    return Node(
        np.concatenate([part.value for part in parts], axis=axis),
        *[(part, piece(index)) for index, part in enumerate(parts)],
    )


def ordered(root):
    """All nodes that a root is made of, each after those that it is made of."""
    found, seen, stack = [], set(), [(root, False)]
    while stack:
        current, is_done = stack.pop()
        if is_done:
            found.append(current)
        elif id(current) not in seen:
            seen.add(id(current))
            stack.append((current, True))
            stack += [(parent, False) for parent, _ in current.parents]
    return found


def backward(nodes, seed):
    """Sets the gradients of all nodes (`ordered`), where that of the last one is the seed."""
    for current in nodes:
        current.gradient = None
    nodes[-1].gradient = np.asarray(seed, dtype=np.float64)
    for current in reversed(nodes):
        if current.gradient is None:
            continue
        for parent, derivative in current.parents:
            part = derivative(current.gradient)
            parent.gradient = part if parent.gradient is None else parent.gradient + part
