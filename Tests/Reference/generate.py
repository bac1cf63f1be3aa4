#!/usr/bin/env python3
"""Writes Tests/Fixtures/models: small models with everything that brake computes of them, in float64 and by other means
than brake's; Tests/Fixtures/spectra: matrices and their singular values; Tests/Fixtures/ranking: what it compares between
learning rates; and Tests/Fixtures/breaks: loss curves and their one-break fits. It needs numpy; the tests need neither it nor Python.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install numpy
    /tmp/reference/bin/python3 Tests/Reference/generate.py

Each token's gradient is a backward pass of its own, and chance is every pattern of signs that there is.
"""

import json
import math
import pathlib
import struct
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import breaks
import ranking
from autodiff import Node, backward, ordered
from models import CONFIGURATIONS, Model, embedding_name, head_name, is_decayed, is_embedding, shapes
import spectra

FOLDER = pathlib.Path(__file__).parent.parent / "Fixtures" / "models"
HEADS = {"lm_head.weight", "embed_out.weight"}
HYPER = {"lr": 1e-2, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "clip": 1.0}
SEQUENCES, LENGTH = 2, 7


def write_safetensors(path, tensors):
    kinds = {"float32": "F32", "float64": "F64", "int32": "I32"}
    header, offset = {}, 0
    for name, values in tensors.items():
        size = values.nbytes
        header[name] = {
            "dtype": kinds[str(values.dtype)], "shape": list(values.shape), "data_offsets": [offset, offset + size]
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(np.ascontiguousarray(values).tobytes() for values in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Pass:
    """A batch's losses, with nodes to go back from."""

    def __init__(self, c, weights, tokens, targets):
        self.c = c
        self.leaves = {name: Node(value) for name, value in weights.items()}
        if head_name(c) not in self.leaves:
            self.leaves[head_name(c)] = Node(weights[embedding_name(c)])
        self.model = Model(c, self.leaves)
        self.losses, self.state, self.logits = self.model.losses(tokens, targets)
        self.nodes = ordered(self.losses)

    def gradients(self, seed):
        """Of all weights, the output matrix apart."""
        backward(self.nodes, seed)
        return {
            name: np.zeros_like(leaf.value) if leaf.gradient is None else leaf.gradient
            for name, leaf in self.leaves.items()
        }


def tied(c, gradients):
    """With the output matrix counted as the embedding that it is."""
    if not c["tie_word_embeddings"]:
        return gradients
    found = dict(gradients)
    found[embedding_name(c)] = found[embedding_name(c)] + found.pop(head_name(c))
    return found


def share(magnitude, squares, terms):
    """About what random signs leave of terms with this sum of magnitudes and this sum of squares, in parts of the former."""
    q = np.minimum(1, squares / np.maximum(magnitude, 1e-150) ** 2)
    one_other = (1 + np.sqrt(np.maximum(0, 2 * q - 1))) / 2
    many_others = (1 + np.sqrt(np.maximum(0, (terms - 1) * (terms * q - 1)))) / terms
    return np.where(q < 0.5, np.sqrt(2 * q / math.pi) * (1 + q / 6), (one_other + many_others) / 2)


def exact_remainders(terms):
    """The mean over all patterns of signs of |sum of terms|, of each column of [terms, columns]."""
    count = len(terms)
    patterns = 1 - 2 * ((np.arange(2 ** (count - 1))[:, None] >> np.arange(count)) & 1)
    whole = np.zeros(terms.shape[1])
    for start in range(0, len(patterns), 1024):
        whole += np.abs(patterns[start : start + 1024] @ terms).sum(axis=0)
    return whole / len(patterns)


def histogram(parts):
    return np.bincount(np.minimum(99, (parts * 100).astype(int)), minlength=100).astype(np.int32)


def interference(gradients, delta):
    """Of [tokens, coordinates] and the changes of the coordinates."""
    p = gradients * delta
    total, magnitude = gradients.sum(axis=0), np.abs(gradients).sum(axis=0)
    touched = magnitude > 0
    parts = (np.abs(total) / np.where(touched, magnitude, 1))[touched]
    squares = (gradients**2).sum(axis=0)
    chance = share(magnitude[touched], squares[touched], len(gradients))
    changes = p.sum(axis=1)
    participation, of_sum = np.abs(p).sum(), np.abs(p.sum(axis=0))
    each = np.abs(p).sum(axis=1)
    remainders = exact_remainders(gradients)
    return {
        "n_coord": gradients.shape[1], "n_coord_touched": int(touched.sum()),
        "sum_j_sum_i_g": total.sum(), "sum_j_sum_i_abs_g": magnitude.sum(),
        "sum_j_sum_i_p": p.sum(), "sum_j_abs_sum_i_p": of_sum.sum(), "sum_j_sum_i_abs_p": participation,
        "sum_i_abs_sum_j_p": np.abs(changes).sum(),
        "C_g": of_sum.sum() / participation, "C_ug": np.abs(changes).sum() / participation,
        "C_uG": abs(p.sum()) / of_sum.sum(), "C_i_dli": abs(p.sum()) / np.abs(changes).sum(),
        "M_i_dli": np.abs(changes).mean(),
        "l2sq_delta": (delta**2).sum(), "l1_delta": np.abs(delta).sum(),
        "l2sq_G": (total**2).sum() / len(gradients) ** 2, "l1_G": np.abs(total).sum() / len(gradients),
        "D_mean_touched": 1 - parts.mean(), "D_pooled": 1 - np.abs(total).sum() / magnitude.sum(),
        "D_hist100": 1 - (histogram(parts) * (np.arange(100) + 0.5) / 100).sum() / len(parts),
        "D_null": 1 - chance.mean(), "D_pooled_null": 1 - (chance * magnitude[touched]).sum() / magnitude.sum(),
        "C_g_null": (chance * (magnitude * np.abs(delta))[touched]).sum() / participation,
        "C_ug_null": (share(each, (p**2).sum(axis=1), len(delta)) * each).sum() / participation,
        "C_uG_null": float(share(of_sum.sum(), (of_sum**2).sum(), len(delta))),
        "C_dl_null": float(share(np.abs(changes).sum(), (changes**2).sum(), len(changes))),
        "D_exact_null": 1 - (remainders[touched] / magnitude[touched]).mean(),
        "C_g_exact_null": (remainders * np.abs(delta)).sum() / participation,
        "C_dl_exact_null": float(exact_remainders(changes[:, None])[0] / np.abs(changes).sum()),
    }


def proxy(model, names):
    """Sums over positions of what each adds to the gradient of the summed loss, and of the magnitudes."""
    sums = {name: [0.0, 0.0, 0.0] for name in names}
    uses = {}
    for name, x, y in model.uses:
        gradient = y.gradient.reshape(-1, y.value.shape[-1])
        shape = model.w[name].value.shape
        if x is None:
            each = gradient
        elif len(shape) == 1:
            # Of a norm of each head the heads of a position are added up.
            each = (gradient * x.reshape(gradient.shape)).reshape(y.value.shape[0] * y.value.shape[1], -1, *shape)
            each = each.sum(axis=1)
        elif x.dtype.kind == "i":
            each = np.zeros((len(gradient),) + shape)
            each[np.arange(len(gradient)), x.reshape(-1)] = gradient
        else:
            rows = x.reshape(len(gradient), -1)
            by_input = model.c["model_type"] == "gpt2" and ".h." in name
            each = np.einsum("pi,po->pio" if by_input else "pi,po->poi", rows, gradient)
        uses[name] = each.reshape(len(each), -1)
    return {name: uses[name] for name in names if name in uses}


def proxy_facts(each):
    total, magnitude = np.abs(each.sum(axis=0)), np.abs(each).sum(axis=0)
    touched = magnitude > 0
    squares = (each**2).sum(axis=0)
    return {
        "touched": int(touched.sum()), "sum_den": magnitude.sum(),
        "D_mean_touched": 1 - (total[touched] / magnitude[touched]).mean(),
        "D_pooled": 1 - total.sum() / magnitude.sum(),
        "D_null": 1 - share(magnitude[touched], squares[touched], len(each)).mean(),
    }


def loss_change(before, after):
    change = after - before
    whole, magnitude = change.sum(), np.abs(change).sum()
    return {"D": 1 - abs(whole) / magnitude, "M": magnitude / change.size, "mean": change.mean()}


def train(c, weights, batches, analysis):
    """Two updates of AdamW, with what they change."""
    weights = {name: value.copy() for name, value in weights.items()}
    first = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    before = Pass(c, weights, *analysis).losses.value
    tensors, facts = {}, {}
    for step, (tokens, targets) in enumerate(batches, 1):
        current = Pass(c, weights, tokens, targets)
        gradients = tied(c, current.gradients(np.full(targets.shape, 1 / targets.size)))
        norm = math.sqrt(sum((g**2).sum() for g in gradients.values()))
        clip = min(1.0, HYPER["clip"] / (norm + 1e-6))
        for name, gradient in gradients.items():
            g, (one, two) = gradient * clip, HYPER["betas"]
            first[name] = one * first[name] + (1 - one) * g
            second[name] = two * second[name] + (1 - two) * g * g
            if is_decayed(name, g.shape):
                weights[name] = weights[name] * (1 - HYPER["lr"] * HYPER["weight_decay"])
            root = np.sqrt(second[name] / (1 - two**step)) + HYPER["eps"]
            weights[name] = weights[name] - HYPER["lr"] * first[name] / (1 - one**step) / root
        after = Pass(c, weights, *analysis).losses.value
        tensors[f"step{step}.token_losses"] = after
        if step == 1:
            tensors["step1.train_token_losses_after"] = Pass(c, weights, tokens, targets).losses.value
        facts[f"step{step}"] = {
            "grad_norm_before_clip": norm, "clip_coef": clip, "loss_change_vs_initial": loss_change(before, after)
        }
    return weights, tensors, facts


def hidden_gradients(current, targets, head):
    """Attraction to the target and repulsion from all other tokens, at the final state."""
    logits = current.logits.value
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    rows, columns = np.indices(targets.shape)
    of_target = p[rows, columns, targets]
    rest = p.copy()
    rest[rows, columns, targets] = 0
    attraction = -(1 - of_target)[..., None] * head[targets]
    repulsion = rest @ head
    norm = lambda x: np.sqrt((x**2).sum(axis=-1))
    return {
        "hidden_grad.attractive_norm": norm(attraction), "hidden_grad.repulsive_norm": norm(repulsion),
        "hidden_grad.total_norm": norm(attraction + repulsion), "hidden_grad.p_target": of_target,
        "hidden_grad.cosine": (attraction * repulsion).sum(axis=-1) / norm(attraction) / norm(repulsion),
    }


# Student's t, 2.5 % on each side, of 3 degrees of freedom.
QUANTILE = 3.182446305284263
ALIGNED = 4


def blocks(names):
    """The parts of a model, in order: of each its parameters."""
    found = {"embedding": [n for n in names if is_embedding(n) and n not in HEADS]}
    layer = lambda n: next((int(part) for part in n.split(".") if part.isdigit()), None)
    for index in sorted({layer(n) for n in names} - {None}):
        own = [n for n in names if layer(n) == index]
        behind = [n for n in own if ".post_feedforward_layernorm." in n]
        between = [] if behind else [n for n in own if ".post_attention_layernorm." in n]
        inner = [n for n in own if ".mlp." in n or ".ln_2." in n or n in behind or n in between]
        found[f"layer.{index}.attention"] = [n for n in own if n not in inner]
        found[f"layer.{index}.feed_forward"] = inner
    found["output"] = [n for n in names if layer(n) is None and n not in found["embedding"]]
    found["model"] = list(names)
    found["model_without_embeddings"] = [n for n in names if not is_embedding(n)]
    return found


def mean_with_interval(count, mean):
    """The jackknife that leaves out one of so many."""
    left_out = np.array([mean(without) for without in range(count)])
    error = math.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    whole = mean(None)
    return {"mean": whole, "interval": [whole - QUANTILE * error, whole + QUANTILE * error]}


def aligned(tokens, of):
    """Of the gradients of tokens [N, coordinates], `of` sequences."""
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    count = of.max() + 1
    whole = np.array([tokens[of == s].mean(axis=0) for s in range(count)])
    others = lambda s: np.delete(whole, s, axis=0).mean(axis=0)
    pairs = lambda n, keep: [(a, b) for a in range(n) for b in range(a) if keep(a, b)]
    def mean(cosines):
        return mean_with_interval(count, lambda out: np.mean([c for c, left in cosines if out not in left]))
    of_sequences = [(cosine(whole[a], whole[b]), {a, b}) for a, b in pairs(count, lambda a, b: True)]
    across = [(cosine(tokens[a], tokens[b]), {of[a], of[b]}) for a, b in pairs(len(of), lambda a, b: of[a] != of[b])]
    within = [(cosine(tokens[a], tokens[b]), {of[a]}) for a, b in pairs(len(of), lambda a, b: of[a] == of[b])]
    square = lambda v: (v**2).sum()
    one, all_of_them = np.mean([square(g) for g in whole]), square(whole.mean(axis=0))
    signal = (count * all_of_them - one) / (count - 1)
    return {
        "sequence_pairs": mean(of_sequences),
        "sequence_mean": mean([(cosine(whole[s], others(s)), {s}) for s in range(count)]),
        "token_pairs": mean(across), "token_pairs_within": mean(within),
        "token_mean": mean([(cosine(g, others(s)), {s}) for g, s in zip(tokens, of)]),
        "diversity": sum(square(g) for g in whole) / square(whole.sum(axis=0)),
        "noise_scale": (one - all_of_them) / (1 - 1 / count) / signal if signal > 0 else None,
    }


def alignment(c, weights, tokens, targets, is_counted):
    current = Pass(c, weights, tokens, targets)
    each = []
    for token in np.flatnonzero(is_counted):
        seed = np.zeros(targets.size)
        seed[token] = 1
        each.append(current.gradients(seed.reshape(targets.shape)))
    of = np.flatnonzero(is_counted) // targets.shape[1]
    together = lambda names: np.array([np.concatenate([g[n].reshape(-1) for n in names]) for g in each])
    return {name: aligned(together(names), of) for name, names in blocks(list(each[0])).items() if names}


def plain(value):
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value.item() if isinstance(value, np.generic) else value


def fixture(name, c, seed):
    random = np.random.default_rng(seed)
    weights = {}
    for parameter, shape in shapes(c).items():
        values = random.normal(size=shape) * 0.3
        if len(shape) == 1 and parameter.endswith("weight") and c["model_type"] != "gemma":
            values = values + 1
        weights[parameter] = values.astype(np.float32).astype(np.float64)
    draw = lambda *shape: random.integers(0, c["vocab_size"], shape, dtype=np.int32)
    tokens, targets = draw(SEQUENCES, LENGTH), draw(SEQUENCES, LENGTH)
    batches = [(draw(SEQUENCES, LENGTH), draw(SEQUENCES, LENGTH)) for _ in range(2)]

    current = Pass(c, weights, tokens, targets)
    mean = tied(c, current.gradients(np.full(targets.shape, 1 / targets.size)))
    tensors = {"token_losses": current.losses.value}
    trained, more, facts = train(c, weights, batches, (tokens, targets))
    tensors |= more
    tensors |= hidden_gradients(current, targets, current.leaves[head_name(c)].value)
    delta = {n: (trained[n] - weights[n]).astype(np.float32) for n in weights}
    tensors |= {"grad." + n: g.astype(np.float32) for n, g in mean.items()}
    tensors |= {"step2.delta." + n: d for n, d in delta.items()}

    each = []
    for token in range(targets.size):
        seed_of = np.zeros(targets.size)
        seed_of[token] = 1
        each.append(current.gradients(seed_of.reshape(targets.shape)))
    facts["token_grad"] = {}
    for kind in ["split", "tied"]:
        if kind == "tied" and not c["tie_word_embeddings"]:
            continue
        parts = [g if kind == "split" else tied(c, g) for g in each]
        stacked = {n: np.array([g[n].reshape(-1) for g in parts]) for n in parts[0]}
        changes = {n: np.float64(delta.get(n, delta[embedding_name(c)]).reshape(-1)) for n in stacked}

        def together(names):
            return np.concatenate([stacked[n] for n in names], axis=1), np.concatenate([changes[n] for n in names])

        inner = [n for n in stacked if not is_embedding(n)]
        facts["token_grad"][kind] = {
            "N": targets.size, "model": interference(*together(list(stacked))),
            "model_no_embedding": interference(*together(inner)),
            "per_param": {n: interference(stacked[n], changes[n]) for n in stacked},
        }
        for names, prefix in [(list(stacked), kind + "."), (inner, kind + ".no_embedding.")]:
            g, d = together(names)
            shape = targets.shape
            tensors[prefix + "sum_j_p"] = (g * d).sum(axis=1).reshape(shape)
            tensors[prefix + "sum_j_abs_p"] = np.abs(g * d).sum(axis=1).reshape(shape)
            tensors[prefix + "l1_g"] = np.abs(g).sum(axis=1).reshape(shape)
            tensors[prefix + "l2sq_g"] = (g * g).sum(axis=1).reshape(shape)
        if kind == "split":
            for n, g in stacked.items():
                magnitude = np.abs(g).sum(axis=0)
                touched = magnitude > 0
                tensors["split.sum_abs_g." + n] = magnitude.astype(np.float32)
                tensors["split.C_hist." + n] = histogram(np.abs(g.sum(axis=0))[touched] / magnitude[touched])

    current.gradients(np.ones(targets.shape))
    parts = proxy(current.model, list(current.leaves))
    facts["proxy"] = {
        "model": proxy_facts(np.concatenate(list(parts.values()), axis=1)),
        "model_no_embedding": proxy_facts(
            np.concatenate([g for n, g in parts.items() if not is_embedding(n)], axis=1)
        ),
        "per_param": {n: proxy_facts(g) for n, g in parts.items()},
    }
    # Some tokens have no loss, and one sequence fewer with one than the others.
    more, labels = draw(ALIGNED, LENGTH), draw(ALIGNED, LENGTH)
    is_counted = np.ones(labels.shape, dtype=bool)
    is_counted[0, :2] = is_counted[2, 4] = False
    facts["alignment"] = alignment(c, weights, more, labels, is_counted)
    before = {n: w.astype(np.float32) for n, w in weights.items()}
    facts["spectra"] = spectra.of_weights(before, {n: w + delta[n] for n, w in before.items()}, leading=3)
    facts |= {"hyper": HYPER, "decayed_parameters": [n for n in weights if is_decayed(n, weights[n].shape)]}

    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(c, indent=1) + "\n")
    (folder / "expected.json").write_text(json.dumps(plain(facts), separators=(",", ":")) + "\n")
    write_safetensors(folder / "model.safetensors", {n: w.astype(np.float32) for n, w in weights.items()})
    write_safetensors(
        folder / "tokens.safetensors",
        {
            "input_ids": tokens, "labels": targets, "train_input_ids": np.array([b[0] for b in batches]),
            "train_labels": np.array([b[1] for b in batches]),
            "aligned_input_ids": more, "aligned_labels": np.where(is_counted, labels, -1).astype(np.int32),
        },
    )
    write_safetensors(folder / "expected.safetensors", tensors)


def ranking_fixture(seed):
    losses, stream, expected = ranking.fixture(seed)
    folder = FOLDER.parent / "ranking"
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / "losses.safetensors", {"losses": losses, "stream": stream})
    (folder / "expected.json").write_text(json.dumps(plain(expected), separators=(",", ":"), default=float) + "\n")


def breaks_fixture(seed):
    folder = FOLDER.parent / "breaks"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plain(breaks.fixture(seed)), separators=(",", ":"), default=float)
    (folder / "curves.json").write_text(text + "\n")


if __name__ == "__main__":
    breaks_fixture(seed=11)
    folder = FOLDER.parent / "spectra"
    folder.mkdir(exist_ok=True)
    hostile = spectra.hostile()
    write_safetensors(folder / "matrices.safetensors", hostile)
    write_safetensors(folder / "values.safetensors", {n: spectra.values_of(m) for n, m in hostile.items()})
    ranking_fixture(seed=7)
    for index, (name, configuration) in enumerate(CONFIGURATIONS.items()):
        fixture(name, configuration, seed=100 + index)
        print(name)
