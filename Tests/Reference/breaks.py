"""Loss curves with their one-break fits, as Sources/Compute/Curves and Sources/Compute/Fits prepare and fit them: written from the
definitions, in float64, over all five parameters at once where brake searches two and solves for the others."""

import math

import numpy as np

BASE = 1.2


def softplus(z):
    return np.logaddexp(0, z)


def log_loss(p, x):
    """log L at log t; p is log b, c0, c1, log d1, log f1."""
    width = math.exp(p[4])
    return p[0] - p[1] * x - p[2] * width * softplus((x - p[3]) / width)


def derivatives(p, x):
    width = math.exp(p[4])
    z = (x - p[3]) / width
    share = np.exp(-softplus(-z))
    bend = softplus(z)
    return np.stack([np.ones_like(x), -x, -width * bend, p[2] * share, p[2] * width * (z * share - bend)], axis=1)


def descend(p, x, y, rounds=400):
    """Levenberg's and Marquardt's method."""
    rest = log_loss(p, x) - y
    damping = 1e-3
    for _ in range(rounds):
        j = derivatives(p, x)
        normal, gradient = j.T @ j, j.T @ rest
        step = np.linalg.lstsq(normal + damping * np.diag(np.diag(normal)), -gradient, rcond=None)[0]
        moved = p + step
        new = log_loss(moved, x) - y if abs(moved[4]) < 20 else None
        if new is not None and new @ new <= rest @ rest:
            p, rest, damping = moved, new, max(damping / 10, 1e-15)
            if np.abs(step).max() < 1e-12:
                break
        else:
            damping *= 8
            if damping > 1e15:
                break
    return p, float(rest @ rest)


def linear(x, y, place, width):
    """The best log b, c0 and c1 for a break."""
    columns = np.stack([np.ones_like(x), -x, -width * softplus((x - place) / width)], axis=1)
    return np.linalg.lstsq(columns, y, rcond=None)[0]


def fit(x, y, start=None):
    starts = [start] if start is not None else [
        np.array([*linear(x, y, place, width), place, math.log(width)])
        for place in np.linspace(x[0], x[-1], 12)[1:-1]
        for width in (0.05, 0.2, 0.5, 1.2)
    ]
    inside = [
        (p, sse) for p, sse in (descend(s, x, y) for s in starts)
        if x[0] <= p[3] <= x[-1] and -4.6 <= p[4] <= 2.3
    ]
    return min(inside, key=lambda found: found[1])


def prepared(steps, losses):
    """The moving average over places j / 1.2 to j, and about a hundred points a decade."""
    mean = [math.fsum(losses[int(j / BASE) : j + 1]) / (j + 1 - int(j / BASE)) for j in range(len(losses))]
    kept = [
        j for j, step in enumerate(steps)
        if j == len(steps) - 1 or step >= 10 and step % 10 ** min(len(str(step)) - 2, 3) == 0
    ]
    return kept, [mean[j] for j in kept]


def quantities(p):
    return {"t_d": math.exp(p[3]), "L_d": math.exp(p[0] - p[1] * p[3]), "r_d": p[1] + p[2]}


def of_curve(steps, losses, skip):
    kept, smoothed = prepared(steps, losses)
    used = [k for k, j in enumerate(kept) if steps[j] > skip]
    x = np.log([steps[kept[k]] for k in used])
    y = np.log([smoothed[k] for k in used])
    p, sse = fit(x, y)
    found = quantities(p)
    line = np.polyfit(x, y, 1)
    # The fitted law's own losses, at every step, through the same preparation and fit.
    _, again = prepared(steps, np.exp(log_loss(p, np.log(steps))).tolist())
    moved = quantities(fit(x, np.log([again[k] for k in used]), start=p)[0])
    return {
        "kept": [steps[j] for j in kept], "smoothed": smoothed,
        "b": math.exp(p[0]), "c0": p[1], "c1": p[2], "log_d1": p[3], "f1": math.exp(p[4]), **found,
        "sse": sse, "rsle": math.sqrt(sse / len(x)),
        "L_T_predicted": found["L_d"] * (found["t_d"] / steps[-1]) ** found["r_d"],
        "power_law_c0": -line[0], "power_law_sse": float(((np.polyval(line, x) - y) ** 2).sum()),
        "unsmoothed": {
            "t_d": found["t_d"] ** 2 / moved["t_d"], "L_d": found["L_d"] ** 2 / moved["L_d"],
            "r_d": 2 * found["r_d"] - moved["r_d"],
        },
    }


def fixture(seed):
    random = np.random.default_rng(seed)
    shapes = {
        "sharp": (1, 2500, 100, lambda x: log_loss([3, 0.3, -0.22, math.log(500), math.log(0.08)], x), 0.01, 0),
        "gentle": (5, 1200, 100, lambda x: log_loss([3.31, 0.278, -0.225, math.log(900), math.log(0.76)], x), 0.003, 0),
        "autocorrelated": (1, 1600, 10, lambda x: log_loss([2.73, 0.395, -0.256, 4.58, math.log(0.3)], x), 0.01, 0.9),
        "faster": (1, 1500, 30, lambda x: log_loss([1.5, 0.08, 0.14, math.log(300), math.log(0.2)], x), 0.005, 0),
    }
    curves = {}
    for name, (every, count, skip, law, size, persistence) in shapes.items():
        steps = [every * k for k in range(1, count + 1)]
        level, noise = 0.0, []
        for draw in random.normal(size=count):
            level = persistence * level + math.sqrt(1 - persistence**2) * draw
            noise.append(size * level)
        losses = [round(float(v), 4) for v in np.exp(law(np.log(steps)) + np.array(noise))]
        curves[name] = {
            "every": every, "losses": losses, "skip": skip, "expected": of_curve(steps, losses, skip)
        }
    return curves
