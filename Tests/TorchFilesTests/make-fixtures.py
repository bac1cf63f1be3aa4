#!/usr/bin/env python3
"""Writes the files in fixtures/ with the real PyTorch: `make-fixtures.py`, in an environment that has torch.

state.pt      a state dictionary with every type of floats, a transposed view, a slice and a tied pair
nested.pt     a checkpoint as training scripts write it: model, optimiser, step, arguments
hostile.pt    a checkpoint whose pickle asks for os.system when it is loaded
nanogpt.pt    a GPT-2 of two layers as nanoGPT keeps it: compiled, in a checkpoint, its matrices the other way round
shards/       the same as transformers kept it: pytorch_model.bin.index.json and two files
"""
import collections
import json
import os

import torch

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")


def numbers(*shape):
    count = int(torch.tensor(shape).prod())
    return (torch.arange(count, dtype=torch.float32) / 8 - 1).reshape(shape)


class Command:
    def __reduce__(self):
        return os.system, ("touch was-executed",)


os.makedirs(HERE, exist_ok=True)
base = numbers(4, 6)
tied = numbers(3, 2)
state = collections.OrderedDict(
    full=base, transposed=base.t(), part=base[1:3, 2:5], half=numbers(5).half(), brain=numbers(5).bfloat16(),
    double=numbers(5).double(), whole=torch.arange(6), mask=torch.tensor([True, False]), scalar=torch.tensor(2.5),
    none=torch.zeros(0, 3), first=tied, second=tied, parameter=torch.nn.Parameter(numbers(2, 2)))
torch.save(state, f"{HERE}/state.pt")

model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
torch.manual_seed(1)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(numbers(*parameter.shape))
optimiser = torch.optim.AdamW(model.parameters(), lr=0.25)
model(torch.ones(1, 3)).sum().backward()
optimiser.step()
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_(numbers(*parameter.shape))
torch.save(
    {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": 7, "args": {"lr": 0.25, "names": ["a", None]}},
    f"{HERE}/nested.pt")
torch.save({"model": model.state_dict(), "command": Command()}, f"{HERE}/hostile.pt")

width, vocabulary, context = 8, 17, 8
shapes = {"wte.weight": (vocabulary, width), "wpe.weight": (context, width)}
for layer in range(2):
    for name, shape in {
        "ln_1.weight": (width,), "ln_1.bias": (width,), "attn.c_attn.weight": (width, 3 * width),
        "attn.c_attn.bias": (3 * width,), "attn.c_proj.weight": (width, width), "attn.c_proj.bias": (width,),
        "ln_2.weight": (width,), "ln_2.bias": (width,), "mlp.c_fc.weight": (width, 4 * width), "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (4 * width, width), "mlp.c_proj.bias": (width,),
    }.items():
        shapes[f"h.{layer}.{name}"] = shape
shapes |= {"ln_f.weight": (width,), "ln_f.bias": (width,)}


def known(index, shape):
    """What a test can compute, too: element k of tensor i is ((7 k + 13 i) mod 41 - 20) / 64."""
    count = int(torch.tensor(shape).prod())
    return (((7 * torch.arange(count) + 13 * index) % 41 - 20) / 64).float().reshape(shape)


weights = {f"transformer.{name}": known(index, shape) for index, (name, shape) in enumerate(shapes.items())}
matrices = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
theirs = {
    "_orig_mod." + name: (value.t().contiguous() if name.endswith(matrices) else value) for name, value in weights.items()
}
theirs["_orig_mod.lm_head.weight"] = theirs["_orig_mod.transformer.wte.weight"]
torch.save({"model": theirs, "model_args": {"n_layer": 2}, "iter_num": 5}, f"{HERE}/nanogpt.pt")

os.makedirs(f"{HERE}/shards", exist_ok=True)
names = list(weights)
parts = {"pytorch_model-00001-of-00002.bin": names[:9], "pytorch_model-00002-of-00002.bin": names[9:]}
for file, held in parts.items():
    torch.save({name: weights[name] for name in held}, f"{HERE}/shards/{file}")
index = {"metadata": {}, "weight_map": {name: file for file, held in parts.items() for name in held}}
with open(f"{HERE}/shards/pytorch_model.bin.index.json", "w") as output:
    json.dump(index, output, indent=1)
