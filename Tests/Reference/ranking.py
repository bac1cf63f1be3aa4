"""Trainings at equal mean loss, as Sources/Compute/Ranking compares them: written from the definitions, in float64, with
ranks that are counted and Student's t by numerical integration."""

import itertools
import math

import numpy as np

RATES, SEEDS, STEPS = [0.001, 0.002, 0.008], [1, 2, 3, 5], [10, 30, 100]
CONTEXT, TOKENS, VOCABULARY = 8, 60, 11


def losses(random):
    """[rates, seeds, steps, tokens]: rates and seeds have their own tokens that they find hard, and some are alike."""
    hard = random.normal(size=TOKENS)
    found = np.empty((len(RATES), len(SEEDS), len(STEPS), TOKENS))
    for r, rate in enumerate(RATES):
        own = 0.25 * random.normal(size=TOKENS)
        for s in range(len(SEEDS)):
            noise = 0.2 * random.normal(size=TOKENS)
            for t, step in enumerate(STEPS):
                mean = 2.6 - 0.35 * math.log10(step) - 0.05 * r + 0.02 * random.normal()
                found[r, s, t] = np.round(mean + 0.4 * hard + own + noise, 1)
    return found.astype(np.float32)


def density(t, degrees):
    return (
        math.gamma((degrees + 1) / 2) / math.sqrt(degrees * math.pi) / math.gamma(degrees / 2)
        * (1 + t * t / degrees) ** (-(degrees + 1) / 2)
    )


def tails(t, degrees, pieces=20_000):
    """The probability of being farther from 0 than t, by Simpson's rule."""
    x = np.linspace(0, abs(t), 2 * pieces + 1)
    y = density(x, degrees)
    inner = (y[0] + y[-1] + 4 * y[1::2].sum() + 2 * y[2:-1:2].sum()) * abs(t) / (6 * pieces)
    return 1 - 2 * inner


def quantile(degrees):
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if tails(middle, degrees) > 0.05 else (low, middle)
    return high


def at_level(values, level):
    """Of one training [steps, tokens]: the step, the checkpoints around it, the losses of the tokens."""
    means = values.mean(axis=1)
    after = next(k for k in range(len(STEPS)) if means[k] <= level or k == len(STEPS) - 1)
    if after == 0:
        return STEPS[0], STEPS[0], STEPS[0], values[0]
    weight = (means[after - 1] - level) / (means[after - 1] - means[after])
    step = STEPS[after - 1] * (STEPS[after] / STEPS[after - 1]) ** weight
    return step, STEPS[after - 1], STEPS[after], (1 - weight) * values[after - 1] + weight * values[after]


def ranks(values):
    return np.array([(values < x).sum() + ((values == x).sum() - 1) / 2 for x in values])


def compare(values, stream, level):
    """All at one level."""
    runs = [at_level(values[r, s], level) for r in range(len(RATES)) for s in range(len(SEEDS))]
    rho = np.corrcoef([ranks(np.round(run[3], 12)) for run in runs])
    n = len(SEEDS)
    pairs = []
    for a, b in itertools.combinations(range(len(RATES)), 2):
        couples = list(itertools.combinations(range(n), 2))
        within = {
            (i, j): (rho[a * n + i, a * n + j] + rho[b * n + i, b * n + j]) / 2 for i, j in couples
        }
        between = {(i, j): (rho[a * n + i, b * n + j] + rho[a * n + j, b * n + i]) / 2 for i, j in couples}
        difference = {pair: within[pair] - between[pair] for pair in couples}
        mean = np.mean(list(difference.values()))
        pseudo = [
            n * mean - (n - 1) * np.mean([d for pair, d in difference.items() if seed not in pair])
            for seed in range(n)
        ]
        error = np.std(pseudo, ddof=1) / math.sqrt(n)
        width = quantile(n - 1) * error
        pairs.append(
            {
                "within": np.mean(list(within.values())), "between": np.mean(list(between.values())),
                "same_seed": np.mean([rho[a * n + i, b * n + i] for i in range(n)]), "excess": mean,
                "interval": [mean - width, mean + width], "probability": tails(mean / error, n - 1),
            }
        )
    targets = stream[1 : TOKENS + 1]
    counts = np.bincount(stream, minlength=VOCABULARY)[targets]
    # 0.1 of the stream and more, 0.01 to 0.1, ...; 1, 2, 3 to 4, 5 to 8 tokens seen.
    share = [next(d for d in range(7) if counts[i] * 10 ** (d + 1) >= len(stream) or d == 6) for i in range(TOKENS)]
    position = [math.ceil(math.log2(i % CONTEXT + 1)) for i in range(TOKENS)]
    bins = {}
    for name, places in [("frequencies", np.array(share)), ("positions", np.array(position))]:
        bins[name] = []
        for place in sorted(set(places)):
            means = np.array([run[3][places == place].mean() for run in runs]).reshape(len(RATES), n)
            degrees = len(RATES) * (n - 1)
            deviation = math.sqrt(((means - means.mean(axis=1, keepdims=True)) ** 2).sum() / degrees)
            error = deviation * math.sqrt((1 - 1 / len(RATES)) / n)
            differences = means.mean(axis=1) - means.mean()
            width = quantile(degrees) * error
            bins[name].append(
                {
                    "tokens": (places == place).sum(), "losses": means.tolist(), "difference": differences.tolist(),
                    "interval": [[d - width, d + width] for d in differences],
                    "probability": [tails(d / error, degrees) for d in differences],
                }
            )
    return {
        "loss": level, "steps": [run[0] for run in runs], "before": [run[1] for run in runs],
        "after": [run[2] for run in runs], "correlations": rho.tolist(), "pairs": pairs, **bins,
    }


def fixture(seed):
    """Losses and stream, and what is expected of them at two levels."""
    random = np.random.default_rng(seed)
    values = losses(random)
    stream = np.minimum(random.geometric(0.35, size=TOKENS + 1) - 1, VOCABULARY - 1).astype(np.int32)
    double = values.astype(np.float64)
    means = double.mean(axis=3)
    lowest, highest = means.min(axis=2).max(), means[:, :, 0].min()
    levels = [lowest * (highest / lowest) ** (k / 2) for k in (1, 0)]
    return values, stream, {
        "rates": RATES, "seeds": SEEDS, "steps": STEPS, "context": CONTEXT, "vocabulary": VOCABULARY,
        "common": [lowest, highest], "levels": [compare(double, stream, level) for level in levels],
    }
