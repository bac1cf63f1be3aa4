"""A training in PyTorch as examples/pytorch does it: as a script, as a stage, and through all analyses of pipelines/pytorch.yaml."""

import json
import os
import shutil
import subprocess
import sys

import numpy

import brake
from support import BINARY, REPOSITORY, StoreTest

try:
    import torch
except ImportError:
    torch = None
try:
    import pandas
except ImportError:
    pandas = None
try:
    import nbclient
    import nbformat
except ImportError:
    nbclient = None

SMALL = ["bytes=60000", "steps=16", "warmup=2", "seeds=[1,2]", "windows=8", "sequences=2", "skip=0", "bootstrap=39", "split=4",
         "checkpoints=[1,2,4,8,16]"]  # fmt: skip


class PyTorchTest(StoreTest):
    def setUp(self):
        super().setUp()
        for name in ["pipelines", "examples"]:
            shutil.copytree(REPOSITORY / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        before = os.getcwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        self.addCleanup(lambda: (os.chdir(before[0]), os.environ.clear(), os.environ.update(before[1])))

    def needs_torch(self):
        if torch is None:
            self.skipTest("torch is not installed")


class PipelineTests(PyTorchTest):
    def test_it_is_sound(self):
        said = subprocess.run([BINARY, "lint", "--strict", "-f", "pipelines/pytorch.yaml"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(said.returncode, 0, said.stdout.decode())

    def test_all_of_it(self):
        self.needs_torch()
        self.brake("run", "-f", "pipelines/pytorch.yaml", *SMALL)
        for name in ["report.html", "findings.csv", "figures/interference/figure.svg"]:
            self.assertTrue(list((self.folder / "results/pytorch").rglob(name.split("/")[-1])), name)

        # D and M by their definitions, from what the script has written.
        store = brake.Store(self.cache)
        before, after = (brake.open(f"train[2e-3,1].losses[{step}]", store).torch()["losses"].double() for step in (8, 16))
        result = brake.open("change[2e-3,1,8].result", store).json()
        change = after - before
        self.assertAlmostEqual(result["M"], float(change.abs().mean()), places=12)
        self.assertAlmostEqual(result["D"], float(1 - change.sum().abs() / change.abs().sum()), places=12)

        self.check_notebook()

        # brake computes the same model: the losses that follow from its own probabilities.
        own = -numpy.log(brake.open("dissent[2e-3,1,16].tokens", store).numpy()["p_target"].astype("f8"))
        numpy.testing.assert_allclose(own[: len(after)], after, atol=2e-5)


    def check_notebook(self):
        """The notebook runs on what the pipeline has made, and finds no difference that matters."""
        if pandas is None:
            return
        notebook = json.loads((self.folder / "examples/notebook.ipynb").read_text())
        os.chdir("examples")
        names, before = {}, list(sys.path)
        for cell in notebook["cells"]:
            self.assertFalse(cell.get("outputs"), "the notebook is kept without outputs")
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
        sys.path[:] = before
        self.assertEqual(len(names["interference"]), 4)
        self.assertLess(names["interference"][["D differs by", "M differs by"]].abs().max().max(), 1e-6)
        self.assertLess(names["dissents"]["a token at most by"].max(), 1e-4)
        self.assertLess(names["dissents"]["its loss at most by"].max(), 1e-4)
        if nbclient is not None:
            client = nbclient.NotebookClient(nbformat.read("notebook.ipynb", 4), timeout=300, kernel_name="python3")
            self.assertIn("data", client.execute()["cells"][-1]["outputs"][0])
        os.chdir("..")


GRADIENTS = """
stages:
  single:
    op: zsl.gradients
    in: { checkpoint: checkpoint.safetensors, tokens: tokens.safetensors, delta: delta.safetensors }
    with: { run: mine, step: 1, sequences: 1, signs: 0 }
  prediction:
    for: { gradients: [single.tokens, torch.safetensors] }
    op: zsl.prediction
    in: { gradients: "${gradients}", losses: updates.safetensors }
    with: { run: mine, step: 1, bins: 4 }
"""


class GradientTests(PyTorchTest):
    """What is said of gradients, from a checkpoint and from torch's own numbers, beside its automatic differentiation."""

    def test_gradients_and_predictions(self):
        self.needs_torch()
        sys.path.insert(0, "examples/pytorch")
        self.addCleanup(sys.path.remove, "examples/pytorch")
        from model import Decoder

        torch.manual_seed(5)
        config = {"model_type": "llama", "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
                  "intermediate_size": 24, "max_position_embeddings": 12, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
                  "tie_word_embeddings": True}  # fmt: skip
        model = Decoder(config)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.3 * torch.randn_like(weight))
        # Of a stream that is one token longer than the context, one sequence can be drawn.
        tokens = torch.randint(64, (13,))
        brake.write_tokens("tokens.safetensors", tokens, vocabulary=64, tokeniser="mine")
        brake.write_checkpoint("checkpoint.safetensors", model.state_dict(), config)
        delta = {name: 0.003 * torch.randn_like(weight) for name, weight in model.state_dict().items()}
        brake.write_tensors("delta.safetensors", delta)

        def losses():
            return model.losses(tokens[None, :-1], tokens[None, 1:])[0]

        before = losses()
        names, parameters = zip(*model.named_parameters())
        each = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in before]
        p = torch.stack([torch.cat([(g.double() * delta[n].double()).flatten() for n, g in zip(names, gs)]) for gs in each])
        inner = [place for place, name in enumerate(names) if name != "embed_tokens.weight"]
        g = torch.stack([torch.cat([gs[place].double().flatten() for place in inner]) for gs in each])
        shares = g.sum(0).abs() / g.abs().sum(0)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.add_(delta[name])
        brake.write_gradients("torch.safetensors", losses=before, changes=p.sum(1), l1=[sum(x.abs().sum() for x in gs).item() for gs in each])
        brake.write_update_losses("updates.safetensors", before, losses())

        self.run_pipeline(GRADIENTS)
        store = brake.Store(self.cache)
        found = brake.open("single.result", store).json()["model_without_embeddings"]
        self.assertAlmostEqual(found["D"], 1 - shares[~shares.isnan()].mean().item(), places=5)
        theirs = brake.open("single.tokens", store).torch()
        torch.testing.assert_close(theirs["losses"], before.detach(), atol=1e-5, rtol=0)
        torch.testing.assert_close(theirs["sum_p"], p.sum(1), atol=1e-5, rtol=1e-4)
        ours, own = (brake.open(f"prediction[{name}]", store).json() for name in ["single.tokens", "torch.safetensors"])
        for name in ["correlation", "slope", "missed"]:
            self.assertAlmostEqual(ours[name], own[name], places=3)
        self.assertGreater(own["correlation"], 0.9)


class ScriptTests(PyTorchTest):
    """train.py without brake around it."""

    def train(self, *arguments, stop=None):
        line = [sys.executable, "examples/pytorch/train.py", "--train", "train.safetensors", "--validation", "validation.safetensors",
                "--rate", "1e-3", "--seed", "1", "--warmup", "2", "--evaluation", "4", "--width", "16", "--layers", "1", *arguments]  # fmt: skip
        if stop is not None:
            line[1:2] = ["-c", STOPPING, str(stop), *line[1:2]]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.path.dirname(os.path.dirname(brake.__file__))}
        return subprocess.run(line, env=environment, stderr=subprocess.PIPE)

    def outputs(self):
        return {str(path): path.read_bytes() for part in ["checkpoints", "losses", "."] for path in sorted((self.folder / part).glob("*"))
                if path.is_file() and path.suffix in (".csv", ".safetensors")}  # fmt: skip

    def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(self):
        self.needs_torch()
        for name, count in [("train", 3000), ("validation", 400)]:
            tokens = numpy.random.default_rng(count).integers(97, 105, count)
            brake.write_tokens(f"{name}.safetensors", tokens, vocabulary=256, tokeniser="bytes")
        done = self.train("--steps", "12")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        whole = self.outputs()
        self.assertEqual(len(whole), 13)
        for path in ["checkpoints", "losses", "states"]:
            shutil.rmtree(path)
        os.remove("curve.csv")
        stopped = self.train("--steps", "12", stop=7)
        self.assertEqual(stopped.returncode, 9, stopped.stderr.decode())
        self.assertEqual(os.listdir("states"), ["4.pt"])
        done = self.train("--steps", "12")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(self.outputs(), whole)
        self.assertEqual(os.listdir("states"), [])


#: Runs a script, and ends hard when it logs a step.
STOPPING = """
import os, runpy, sys
import brake
stop, script = int(sys.argv.pop(1)), sys.argv.pop(1)
brake.log = lambda step, **metrics: os._exit(9) if step == stop else None
sys.argv[0] = script
sys.path.insert(0, os.path.dirname(script))
runpy.run_path(script, run_name="__main__")
"""
