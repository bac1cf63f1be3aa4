"""Singular values of matrices, by numpy's float64, and what they say of a model's weights and of their changes."""

import math

import numpy as np


def spectrum(values):
    sum_of = values.sum()
    shares = values[values > 0] / sum_of if sum_of > 0 else values[:0]
    return {
        "norm": math.sqrt((values**2).sum()), "spectral_norm": values[0],
        "stable_rank": (values**2).sum() / values[0] ** 2 if sum_of > 0 else None,
        "effective_rank": math.exp(-(shares * np.log(shares)).sum()) if sum_of > 0 else None,
    }


def overlap(a, b, leading):
    """Of the decompositions of two matrices: mean squared cosines of principal angles."""
    angles = lambda u, v: np.linalg.svd(u.T @ v, compute_uv=False)
    return {
        "left": (angles(a[0][:, :leading], b[0][:, :leading]) ** 2).mean(),
        "right": (angles(a[2][:leading].T, b[2][:leading].T) ** 2).mean(),
    }


def of_weights(before, after, leading):
    """Of all matrices of a model, before and after some updates."""
    found = {}
    for name, matrix in before.items():
        if matrix.ndim != 2:
            continue
        first, last = matrix.astype(np.float64), after[name].astype(np.float64)
        parts = [np.linalg.svd(m, full_matrices=False) for m in (first, last, last - first)]
        count = min(leading, *matrix.shape)
        found[name] = {
            "weights": spectrum(parts[1][1]), "change": spectrum(parts[2][1]),
            "relative": np.linalg.norm(last - first) / np.linalg.norm(first),
            "weights_overlap": overlap(parts[1], parts[0], count),
            "change_overlap": overlap(parts[2], parts[0], count),
        }
    return found


def hostile():
    """Matrices in float32 that decompositions go wrong with."""
    random = np.random.default_rng(7)
    normal = lambda *shape: random.normal(size=shape)
    whole = lambda *shape: random.integers(-3, 4, shape).astype(np.float64)
    hadamard = np.array([[1.0]])
    for _ in range(3):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    kahan = np.diag(0.8 ** np.arange(12)) @ (np.eye(12) - 0.6 * np.triu(np.ones((12, 12)), 1))
    graded = np.zeros((7, 9))
    graded[random.permutation(7), random.permutation(9)[:7]] = 10.0 ** np.arange(30, -40, -10)
    repeated = normal(10, 4)
    found = {
        "square": normal(6, 6), "tall": normal(300, 5), "wide": normal(7, 40), "long_row": normal(1, 200),
        "column": normal(9, 1), "single": -normal(1, 1) ** 2, "zero": np.zeros((6, 4)),
        "rank_3": whole(20, 3) @ whole(3, 12), "equal_values": hadamard,
        "equal_columns": np.concatenate([repeated, repeated], axis=1), "ill_conditioned": kahan,
        "graded": graded, "huge": normal(8, 5) * 1e37, "subnormal": normal(5, 8) * 1e-42,
        "one_entry": np.eye(1, 12, 5) * 3.0, "zero_rows": np.vstack([np.zeros((40, 6)), normal(3, 6)]),
    }
    return {name: matrix.astype(np.float32) for name, matrix in found.items()}


def values_of(matrix):
    return np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
