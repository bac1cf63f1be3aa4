"""Decoders of the Llama, Mistral, Qwen 2, Qwen 3, OLMo, OLMo 2, Gemma, GPT-2 and GPT-NeoX families in float64, by the names and conventions of the transformers
library. Written from the papers, not from the project's own code."""

import math

import numpy as np

from autodiff import Node, concatenate, node

CONTEXT = 8

CONFIGURATIONS = {
    "llama_grouped": {
        "model_type": "llama", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
    },
    "olmo_tied": {
        "model_type": "llama", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "norm_affine": False,
    },
    "olmo_grouped": {
        "model_type": "olmo", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 1, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "tie_word_embeddings": False,
    },
    "gpt2_tied": {
        "model_type": "gpt2", "vocab_size": 23, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": CONTEXT,
        "n_inner": 24, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "tie_word_embeddings": True,
    },
    "neox_parallel": {
        "model_type": "gpt_neox", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": CONTEXT, "rotary_pct": 0.5,
        "layer_norm_eps": 1e-5, "hidden_act": "gelu", "use_parallel_residual": True, "tie_word_embeddings": False,
    },
    "qwen3": {
        "model_type": "qwen3", "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "tie_word_embeddings": False,
    },
    "olmo2": {
        "model_type": "olmo2", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
    },
    "gemma": {
        "model_type": "gemma", "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "hidden_act": "gelu_pytorch_tanh",
        "tie_word_embeddings": True,
    },
    "mistral_window": {
        "model_type": "mistral", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "sliding_window": 3, "tie_word_embeddings": False,
    },
    "llama3_scaled": {
        "model_type": "llama", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "tie_word_embeddings": False, "rope_theta": 5000.0,
        "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 128,
        },
    },
    "qwen2": {
        "model_type": "qwen2", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 20,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "tie_word_embeddings": False,
    },
}


def shapes(c):
    """Name -> shape, in the order of the computation."""
    found = {}
    if c["model_type"] == "gpt2":
        d, inner = c["n_embd"], c["n_inner"]
        found["transformer.wte.weight"] = (c["vocab_size"], d)
        found["transformer.wpe.weight"] = (c["n_positions"], d)
        for layer in range(c["n_layer"]):
            name = f"transformer.h.{layer}."
            for part, shape in [
                ("ln_1", (d,)), ("attn.c_attn", (d, 3 * d)), ("attn.c_proj", (d, d)), ("ln_2", (d,)),
                ("mlp.c_fc", (d, inner)), ("mlp.c_proj", (inner, d)),
            ]:
                found[name + part + ".weight"] = shape
                found[name + part + ".bias"] = shape[-1:]
        found["transformer.ln_f.weight"] = found["transformer.ln_f.bias"] = (d,)
    elif c["model_type"] == "gpt_neox":
        d, inner = c["hidden_size"], c["intermediate_size"]
        found["gpt_neox.embed_in.weight"] = (c["vocab_size"], d)
        for layer in range(c["num_hidden_layers"]):
            name = f"gpt_neox.layers.{layer}."
            for part, shape in [
                ("input_layernorm", (d,)), ("attention.query_key_value", (3 * d, d)), ("attention.dense", (d, d)),
                ("post_attention_layernorm", (d,)), ("mlp.dense_h_to_4h", (inner, d)),
                ("mlp.dense_4h_to_h", (d, inner)),
            ]:
                found[name + part + ".weight"] = shape
                found[name + part + ".bias"] = shape[:1]
        found["gpt_neox.final_layer_norm.weight"] = found["gpt_neox.final_layer_norm.bias"] = (d,)
        found["embed_out.weight"] = (c["vocab_size"], d)
    else:
        d, inner = c["hidden_size"], c["intermediate_size"]
        size = c.get("head_dim", d // c["num_attention_heads"])
        queries, keys = size * c["num_attention_heads"], size * c["num_key_value_heads"]
        has_weights = c["model_type"] != "olmo" and c.get("norm_affine", True)
        behind = c["model_type"] == "olmo2"
        found["model.embed_tokens.weight"] = (c["vocab_size"], d)
        for layer in range(c["num_hidden_layers"]):
            name = f"model.layers.{layer}."
            if has_weights and not behind:
                found[name + "input_layernorm.weight"] = (d,)
            for part, rows in [("q", queries), ("k", keys), ("v", keys)]:
                found[name + f"self_attn.{part}_proj.weight"] = (rows, d)
                if c["model_type"] == "qwen2":
                    found[name + f"self_attn.{part}_proj.bias"] = (rows,)
            for part, width in [("q", queries), ("k", keys)]:
                if c["model_type"] in ("qwen3", "olmo2"):
                    found[name + f"self_attn.{part}_norm.weight"] = (width if behind else size,)
            found[name + "self_attn.o_proj.weight"] = (d, queries)
            if has_weights:
                found[name + "post_attention_layernorm.weight"] = (d,)
            for part, shape in [("gate", (inner, d)), ("up", (inner, d)), ("down", (d, inner))]:
                found[name + f"mlp.{part}_proj.weight"] = shape
            if behind:
                found[name + "post_feedforward_layernorm.weight"] = (d,)
        if has_weights:
            found["model.norm.weight"] = (d,)
        if not c["tie_word_embeddings"]:
            found["lm_head.weight"] = (c["vocab_size"], d)
    return found


def is_embedding(name):
    return name.split(".")[-2] in ("wte", "wpe", "embed_tokens", "embed_in", "lm_head", "embed_out")


def is_decayed(name, shape):
    return len(shape) == 2 and not is_embedding(name)


def head_name(c):
    return "embed_out.weight" if c["model_type"] == "gpt_neox" else "lm_head.weight"


def embedding_name(c):
    return next(iter(shapes(c)))


class Model:
    """The computation of a batch. `weights` are nodes by name, those of the output matrix always apart."""

    def __init__(self, configuration, weights):
        self.c, self.w = configuration, weights
        #: Where a weight is used: (name, what it is applied to [B, T, inputs], what it gives [B, T, outputs]).
        self.uses = []

    def norm(self, x, name, epsilon, centred):
        if centred:
            x = x + x.mean() * -1.0
        normal = x * ((x * x).mean() + epsilon).power(-0.5)
        if name + ".weight" not in self.w:
            return normal
        from_one = 1.0 if self.c["model_type"] == "gemma" else 0.0
        scaled = normal * (self.w[name + ".weight"] + from_one)
        self.uses.append((name + ".weight", normal.value, scaled))
        return self.shifted(scaled, name + ".bias")

    def shifted(self, x, name):
        if name not in self.w:
            return x
        y = x + self.w[name]
        self.uses.append((name, None, y))
        return y

    def linear(self, x, name, by_input=False):
        w = self.w[name + ".weight"]
        y = x @ (w if by_input else w.transpose(1, 0))
        self.uses.append((name + ".weight", x.value, y))
        return self.shifted(y, name + ".bias")

    def attention(self, q, k, v, rotary):
        """q [B, T, H, D]; k and v may have fewer heads, each for as many queries in a row."""
        batch, length, heads, size = q.value.shape
        if rotary:
            q, k = self.rotated(q, rotary), self.rotated(k, rotary)
        group = heads // k.value.shape[2]
        own = np.arange(heads) // group
        q = q.transpose(0, 2, 1, 3)
        k = k.transpose(0, 2, 3, 1)[:, own]
        v = v.transpose(0, 2, 1, 3)[:, own]
        hidden = np.triu(np.full((length, length), -1e30), 1)
        if "sliding_window" in self.c:
            hidden = hidden + np.tril(np.full((length, length), -1e30), -self.c["sliding_window"])
        scores = (q @ k) * (1 / math.sqrt(size)) + hidden
        return (scores.softmax() @ v).transpose(0, 2, 1, 3).reshape(batch, length, heads * size)

    def frequencies(self, rotary):
        """Radians a position; those of waves too long for the context of the training before are slowed down (Llama 3)."""
        plain = self.c.get("rope_theta", 10000.0) ** (-np.arange(rotary // 2) * 2 / rotary)
        scaling = self.c.get("rope_scaling")
        if scaling is None:
            return plain
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        turns = scaling["original_max_position_embeddings"] / (2 * math.pi / plain)
        kept = np.clip((turns - low) / (high - low), 0, 1)
        return plain * kept + plain / scaling["factor"] * (1 - kept)

    def rotated(self, x, rotary):
        half = rotary // 2
        angle = np.outer(np.arange(x.value.shape[1]), self.frequencies(rotary))[:, None, :]
        low, high = x[..., :half], x[..., half:rotary]
        turned = [low * np.cos(angle) + high * -np.sin(angle), high * np.cos(angle) + low * np.sin(angle)]
        rest = [x[..., rotary:]] if rotary < x.value.shape[-1] else []
        return concatenate(turned + rest, axis=-1)

    def embed(self, name, indices):
        rows = self.w[name][indices]
        self.uses.append((name, indices, rows))
        return rows

    def hidden(self, tokens):
        """The final state [B, T, C]."""
        return {"gpt2": self.gpt2, "gpt_neox": self.neox}.get(self.c["model_type"], self.llama)(tokens)

    def losses(self, tokens, targets):
        """In nats [B, T], and the final state and the logits."""
        state = self.hidden(tokens)
        logits = self.linear(state, head_name(self.c).removesuffix(".weight"))
        rows, columns = np.indices(targets.shape)
        chosen = logits.softmax()[rows, columns, targets]
        return chosen.log() * -1.0, state, logits

    def heads(self, x, name, norm, count, epsilon):
        """Queries, keys or values [B, T, count, D]: normalised all together, each head by itself, or not at all."""
        batch, length, _ = x.value.shape
        if norm and self.c["model_type"] == "olmo2":
            x = self.norm(x, name + norm, epsilon, False)
        x = x.reshape(batch, length, count, x.value.shape[-1] // count)
        if norm and self.c["model_type"] == "qwen3":
            x = self.norm(x, name + norm, epsilon, False)
        return x

    def llama(self, tokens):
        c = self.c
        centred, behind = c["model_type"] == "olmo", c["model_type"] == "olmo2"
        epsilon = 1e-5 if centred else c["rms_norm_eps"]
        heads, shared, d = c["num_attention_heads"], c["num_key_value_heads"], c["hidden_size"]
        x = self.embed("model.embed_tokens.weight", tokens)
        if c["model_type"] == "gemma":
            x = x * math.sqrt(d)
        for layer in range(c["num_hidden_layers"]):
            name = f"model.layers.{layer}."
            y = x if behind else self.norm(x, name + "input_layernorm", epsilon, centred)
            q, k, v = [
                self.heads(self.linear(y, f"{name}self_attn.{part}_proj"), name, norm, count, epsilon)
                for part, norm, count in [
                    ("q", "self_attn.q_norm", heads), ("k", "self_attn.k_norm", shared), ("v", None, shared)
                ]
            ]
            y = self.linear(self.attention(q, k, v, q.value.shape[-1]), name + "self_attn.o_proj")
            x = x + (self.norm(y, name + "post_attention_layernorm", epsilon, False) if behind else y)
            y = x if behind else self.norm(x, name + "post_attention_layernorm", epsilon, centred)
            gate, up = self.linear(y, name + "mlp.gate_proj"), self.linear(y, name + "mlp.up_proj")
            open_ = self.gelu(gate) if c["model_type"] == "gemma" else gate * gate.sigmoid()
            y = self.linear(open_ * up, name + "mlp.down_proj")
            x = x + (self.norm(y, name + "post_feedforward_layernorm", epsilon, False) if behind else y)
        return self.norm(x, "model.norm", epsilon, centred)

    @staticmethod
    def gelu(x):
        """In its tanh form."""
        return x * 0.5 * (((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)).tanh() + 1.0)

    def gpt2(self, tokens):
        c = self.c
        heads, d, epsilon = c["n_head"], c["n_embd"], c["layer_norm_epsilon"]
        batch, length = tokens.shape
        places = np.broadcast_to(np.arange(length), tokens.shape)
        x = self.embed("transformer.wte.weight", tokens) + self.embed("transformer.wpe.weight", places)
        for layer in range(c["n_layer"]):
            name = f"transformer.h.{layer}."
            y = self.norm(x, name + "ln_1", epsilon, True)
            y = self.linear(y, name + "attn.c_attn", by_input=True).reshape(batch, length, 3 * heads, d // heads)
            q, k, v = [y[:, :, first : first + heads] for first in (0, heads, 2 * heads)]
            x = x + self.linear(self.attention(q, k, v, 0), name + "attn.c_proj", by_input=True)
            y = self.linear(self.norm(x, name + "ln_2", epsilon, True), name + "mlp.c_fc", by_input=True)
            inner = (y + y * y * y * 0.044715) * math.sqrt(2 / math.pi)
            x = x + self.linear(y * 0.5 * (inner.tanh() + 1.0), name + "mlp.c_proj", by_input=True)
        return self.norm(x, "transformer.ln_f", epsilon, True)

    def neox(self, tokens):
        c = self.c
        heads, d, epsilon = c["num_attention_heads"], c["hidden_size"], c["layer_norm_eps"]
        size = d // heads
        batch, length = tokens.shape
        x = self.embed("gpt_neox.embed_in.weight", tokens)
        for layer in range(c["num_hidden_layers"]):
            name = f"gpt_neox.layers.{layer}."
            y = self.norm(x, name + "input_layernorm", epsilon, True)
            y = self.linear(y, name + "attention.query_key_value").reshape(batch, length, heads, 3 * size)
            q, k, v = [y[..., first : first + size] for first in (0, size, 2 * size)]
            attended = self.linear(
                self.attention(q, k, v, int(size * c["rotary_pct"])), name + "attention.dense"
            )
            y = self.norm(x, name + "post_attention_layernorm", epsilon, True)
            y = self.linear(y, name + "mlp.dense_h_to_4h")
            y = y * 0.5 * ((y * math.sqrt(0.5)).erf() + 1.0)
            x = x + attended + self.linear(y, name + "mlp.dense_4h_to_h")
        return self.norm(x, "gpt_neox.final_layer_norm", epsilon, True)
