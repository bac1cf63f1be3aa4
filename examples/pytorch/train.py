"""Trains a small language model in PyTorch, on a processor or a GPU, and writes what brake's analyses read.

pipelines/pytorch.yaml runs it as a stage. Without brake, it does the same in any folder, and goes on where it was stopped:

    python train.py --train train.safetensors --validation validation.safetensors --rate 1e-3 --seed 1

Of the updates whose numbers are powers of two, and of the last one, it writes

- checkpoints/STEP.safetensors, the weights, for whatever is computed with the model;
- losses/STEP.safetensors, the loss of each token of the first windows of the validation stream;
- states/STEP.pt, from which a training that was stopped goes on, and which are removed when they are not needed any more;

and curve.csv, the mean loss of each update.
"""

import argparse
from pathlib import Path

import torch

import brake
from model import Decoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--train", required=True, help="a token stream as text.tokenise or brake.write_tokens writes it")
parser.add_argument("--validation", required=True, help="another one of the same vocabulary")
parser.add_argument("--rate", type=float, required=True, help="the learning rate behind the warm-up")
parser.add_argument("--seed", type=int, required=True, help="of the first weights and of the batches")
parser.add_argument("--run", default="torch", help="what the training is called")
parser.add_argument("--steps", type=int, default=512)
parser.add_argument("--warmup", type=int, default=30)
parser.add_argument("--batch", type=int, default=8, help="sequences of an update")
parser.add_argument("--context", type=int, default=64)
parser.add_argument("--width", type=int, default=32)
parser.add_argument("--layers", type=int, default=4)
parser.add_argument("--evaluation", type=int, default=256, help="windows of the validation stream whose losses are written")
given = parser.parse_args()

device = "cuda" if torch.cuda.is_available() else "cpu"
torch.use_deterministic_algorithms(True, warn_only=True)
training, validation = (brake.read_tensors(path) for path in (given.train, given.validation))


def tokens(stream):
    return torch.from_numpy(stream["tokens"].numpy().astype("int64")).to(device)


stream = tokens(training)
count = min(given.evaluation, (validation["tokens"].shape[0] - 1) // given.context) * given.context
held_out = tokens(validation)[: count + 1]

torch.manual_seed(given.seed)
model = Decoder({
    "model_type": "llama", "vocab_size": int(training.metadata["vocabulary_size"]), "hidden_size": given.width,
    "num_hidden_layers": given.layers, "num_attention_heads": 4, "intermediate_size": given.width * 5 // 2,
    "max_position_embeddings": given.context, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": True,
}).to(device)  # fmt: skip
matrices = [weight for name, weight in model.named_parameters() if weight.dim() > 1 and name != "embed_tokens.weight"]
others = [weight for name, weight in model.named_parameters() if weight.dim() == 1 or name == "embed_tokens.weight"]
optimiser = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.95), eps=1e-5)
curve = []


def update(step):
    """One step on sequences that follow from the seed and the step alone, so that a training can go on anywhere."""
    generator = torch.Generator().manual_seed(given.seed * 1_000_000_007 + step)
    starts = torch.randint(len(stream) - given.context, (given.batch, 1), generator=generator)
    places = (starts + torch.arange(given.context)).to(device)
    loss = model.losses(stream[places], stream[places + 1]).mean()
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for group in optimiser.param_groups:
        group["lr"] = given.rate * min(1, step / given.warmup) if given.warmup else given.rate
    optimiser.step()
    return loss.item()


@torch.no_grad()
def token_losses():
    windows, targets = held_out[:-1].view(-1, given.context), held_out[1:].view(-1, given.context)
    return torch.cat([model.losses(*part) for part in zip(windows.split(64), targets.split(64))])


def keep(step):
    with brake.saving(f"checkpoints/{step}.safetensors") as file:
        brake.write_checkpoint(file, model.state_dict(), model.config)
    with brake.saving(f"losses/{step}.safetensors") as file:
        brake.write_token_losses(file, token_losses(), context=given.context, stream=given.validation)
    # Last: whoever goes on from here finds the others complete.
    with brake.saving(f"states/{step}.pt") as file:
        torch.save({"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict(), "curve": curve}, file)
    forget_states(but=step)


def forget_states(but=None):
    for path in Path("states").glob("*.pt"):
        if path.stem != str(but):
            path.unlink()


first = 1
earlier = brake.resume("states/*.pt")
if earlier is not None:
    state = torch.load(earlier, map_location=device, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    curve, first = state["curve"], state["step"] + 1
for step in range(first, given.steps + 1):
    curve.append(update(step))
    brake.log(step, loss=curve[-1], tokens=step * given.batch * given.context)
    if step & (step - 1) == 0 or step == given.steps:
        keep(step)
brake.write_curve("curve.csv", range(1, given.steps + 1), curve, run=given.run)
forget_states()
