"""A decoder of the Llama family, small enough to read: its parameters are called as in transformers, so brake computes it, too."""

import torch
from torch import nn
from torch.nn import functional as F


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        for name in ["q_proj", "k_proj", "v_proj", "o_proj"]:
            setattr(self, name, nn.Linear(width, width, bias=False))

    def forward(self, x, cosine, sine):
        def split(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        def turned(y):
            first, second = y.chunk(2, -1)
            return y * cosine + torch.cat([-second, first], -1) * sine

        q, k, v = turned(split(self.q_proj(x))), turned(split(self.k_proj(x))), split(self.v_proj(x))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, epsilon = config["hidden_size"], config["rms_norm_eps"]
        self.input_layernorm = Norm(width, epsilon)
        self.self_attn = Attention(width, config["num_attention_heads"])
        self.post_attention_layernorm = Norm(width, epsilon)
        self.mlp = FeedForward(width, config["intermediate_size"])

    def forward(self, x, cosine, sine):
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """`config` has the members of a config.json of transformers."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))
        self.norm = Norm(config["hidden_size"], config["rms_norm_eps"])
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                # What adds to the residual stream begins smaller, the more there is of it.
                depth = 2 * len(self.layers) if name.endswith(("o_proj.weight", "down_proj.weight")) else 1
                nn.init.normal_(weight, std=0.02 / depth**0.5)

    def forward(self, tokens):
        """The final hidden states [sequences, tokens, width]."""
        half = self.config["hidden_size"] // self.config["num_attention_heads"] // 2
        rates = self.config["rope_theta"] ** (-torch.arange(half, device=tokens.device) / half)
        angles = torch.outer(torch.arange(tokens.shape[1], device=tokens.device), torch.cat([rates, rates]))
        x = self.embed_tokens(tokens)
        for layer in self.layers:
            x = layer(x, angles.cos(), angles.sin())
        return self.norm(x)

    def logits(self, states):
        """The output matrix is the embedding."""
        return states @ self.embed_tokens.weight.T

    def losses(self, tokens, targets):
        """The loss of each target in nats, [sequences, tokens]."""
        return F.cross_entropy(self.logits(self(tokens)).transpose(1, 2), targets, reduction="none")
