"""What is written for analyses, against the binary that reads it."""

import hashlib
import json
import os
import re
import subprocess
import warnings

import numpy

import brake
from support import BINARY, RANDOM, REPOSITORY, StoreTest, safetensors

try:
    import torch
except ImportError:
    torch = None

SIZES = {"model_type": "llama", "vocab_size": 256, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 16, "max_position_embeddings": 16, "tie_word_embeddings": True}  # fmt: skip
SHAPES = {"embed_tokens": (256, 8), "norm": (8,), "layers.0.input_layernorm": (8,), "layers.0.post_attention_layernorm": (8,),
          "layers.0.self_attn.q_proj": (8, 8), "layers.0.self_attn.k_proj": (8, 8), "layers.0.self_attn.v_proj": (8, 8),
          "layers.0.self_attn.o_proj": (8, 8), "layers.0.mlp.gate_proj": (16, 8), "layers.0.mlp.up_proj": (16, 8),
          "layers.0.mlp.down_proj": (8, 16)}  # fmt: skip

CHANGE = """
  change:
    op: zsl.losses
    in: { before: before.safetensors, after: after.safetensors, tokens: tokens.safetensors }
    with: { run: mine, from: 1, to: 2, bootstrap: 0 }
    publish: results/
"""
PREDICTION = """
  prediction:
    op: zsl.prediction
    in: { gradients: gradients.safetensors, losses: updates.safetensors }
    with: { run: mine, step: 4, bins: 4 }
    publish: results/
"""
CURVE = """
  prepare: { op: curve.prepare, in: { curve: curve.csv }, with: { smoothing: false, subsample: false }, publish: results/ }
"""
MEASURED = """
  measured: { op: lm.losses, in: { checkpoint: c.safetensors, tokens: tokens.safetensors }, publish: results/ }
"""
DISSENT = """
  dissent:
    op: zsl.dissent
    in: { checkpoint: c.safetensors, tokens: tokens.safetensors }
    with: { run: a, step: 0, bootstrap: 0 }
"""
SINGLE = """
  single:
    op: zsl.gradients
    in: { checkpoint: c.safetensors, tokens: tokens.safetensors, delta: delta.safetensors }
    with: { run: a, step: 0, sequences: 2, signs: 0 }
"""


class FormatTest(StoreTest):
    def setUp(self):
        super().setUp()
        before = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, before)

    def result(self, stages, name):
        self.run_pipeline("stages:" + stages)
        return json.loads((self.folder / "results" / name).read_bytes())

    def refusal(self, stages):
        """What the binary says to a pipeline."""
        (self.folder / "brake.yaml").write_text("stages:" + stages)
        result = subprocess.run([BINARY, "run"], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "BRAKE_STORE": str(self.cache)})  # fmt: skip
        self.assertEqual(result.returncode, 2)
        return result.stderr.decode()

    def refused(self, pattern, write, *arguments, **options):
        with self.assertRaisesRegex(brake.BrakeError, pattern):
            write("refused", *arguments, **options)
        self.assertFalse(os.path.lexists("refused"))

    def stream(self, count=65):
        tokens = RANDOM.integers(0, 256, count)
        brake.write_tokens("tokens.safetensors", tokens, vocabulary=256, tokeniser="bytes")
        return tokens

    def weights(self):
        return {f"model.{name}.weight": RANDOM.normal(0, 0.3, shape).astype("f4") for name, shape in SHAPES.items()}


class TokenLossTests(FormatTest):
    def test_d_and_m_are_those_of_the_numbers(self):
        self.stream()
        before = RANDOM.gamma(3, 1, 64)
        after = numpy.abs(before + RANDOM.normal(-0.1, 0.3, 64))
        brake.write_token_losses("before.safetensors", before, context=16, stream="tokens.safetensors")
        brake.write_token_losses("after.safetensors", after.reshape(4, 16), context=16, stream="tokens.safetensors")
        found = self.result(CHANGE, "losses.json")
        change = (after.astype("f4") - before.astype("f4")).astype("f8")
        self.assertAlmostEqual(found["M"], abs(change).mean(), places=14)
        self.assertAlmostEqual(found["D"], 1 - abs(change.sum()) / abs(change).sum(), places=14)
        self.assertEqual((found["tokens"], found["context"]), (64, 16))

    def test_perplexities_are_doubted(self):
        self.stream()
        perplexities = numpy.exp(RANDOM.gamma(3, 2, 64))
        with self.assertWarnsRegex(UserWarning, "perplexities"):
            brake.write_token_losses("a.safetensors", perplexities, context=16, stream="tokens.safetensors")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            brake.write_token_losses("a.safetensors", numpy.log(perplexities), context=16, stream="tokens.safetensors")

    def test_all_ways_to_name_a_stream_and_to_give_numbers_make_the_same_bytes(self):
        self.stream()
        losses = [0.5, 1.5, 2.25]
        digest = self.put((self.folder / "tokens.safetensors").read_bytes())
        files = set()
        for given in [losses, numpy.array(losses), numpy.array(losses, ">f4"), numpy.array(losses, "f2")[::1]]:
            for stream in ["tokens.safetensors", self.folder / "tokens.safetensors", digest, brake.open(digest, self.cache)]:
                brake.write_token_losses("losses", given, context=2, stream=stream)
                files.add((self.folder / "losses").read_bytes())
        self.assertEqual(len(files), 1)

    def test_what_means_nothing_is_refused(self):
        self.stream()
        ones = numpy.ones(64)
        nan = numpy.where(numpy.arange(64) == 7, numpy.nan, ones)

        def refused(pattern, losses, context=16, stream="tokens.safetensors"):
            self.refused(pattern, brake.write_token_losses, losses, context=context, stream=stream)

        refused("at 7 is nan", nan)
        refused("inf", ones * numpy.inf)
        refused("1e\\+300", ones * 1e300)
        refused("log-probabilities", -ones)
        refused(r"\[8, 8\]", ones.reshape(8, 8))
        refused(r"\[\]", 1.0)
        refused("there is no number", [])
        refused("bool", ones > 0)
        refused("complex", ones * 1j)
        refused("str", ["a"])
        refused("65 tokens predicts 64, but there are 65", numpy.ones(65))
        refused("context", ones, context=0)
        refused("context", ones, context=2.0)
        refused("context", ones, context=True)
        refused("no whole digest", ones, stream="sha256:12")
        refused("cannot be read", ones, stream="absent")
        (self.folder / "other").write_bytes(safetensors({"a": ones}))
        refused("no token stream", ones, stream="other")
        (self.folder / "text").write_text("hello")
        refused("no safetensors", ones, stream="text")

    def test_what_the_binary_refuses(self):
        self.stream()
        digest = "sha256:" + hashlib.sha256((self.folder / "tokens.safetensors").read_bytes()).hexdigest()
        sound = numpy.ones(64, "f4")
        brake.write_token_losses("before.safetensors", sound, context=16, stream=digest)
        for losses, metadata, message in [
            (sound.astype("f8"), {}, "F64, not F32"),
            (sound * numpy.float32("nan"), {}, "the loss of token 0 is nan"),
            (-sound, {}, "the loss of token 0 is -1"),
            (sound.reshape(4, 16), {}, "shape [4, 16]"),
            (sound[:10], {}, "not of the same tokens"),
            (sound, {"context": "8"}, "not of the same tokens"),
            (sound, {"context": "0"}, "which windows"),
            (sound, {"stream": "sha256:" + "0" * 64}, "not of the same tokens"),
        ]:
            content = safetensors({"losses": losses}, {"context": "16", "stream": digest, **metadata})
            (self.folder / "after.safetensors").write_bytes(content)
            self.assertIn(message, self.refusal(CHANGE))

    def test_what_the_binary_refuses_of_streams(self):
        tokens = numpy.arange(65, dtype="<u2")
        about = {"format": "brake.tokens", "tokeniser": "bytes", "vocabulary_size": "256", "separator": "none"}
        for change, more, message in [
            ({"separator": "banana"}, {}, "metadata"), ({"separator": "256"}, {}, "metadata"), ({"vocabulary_size": "0"}, {}, "metadata"),
            ({"vocabulary_size": "64"}, {}, "token 64"), ({"vocabulary_size": "70000"}, {}, "U16, not U32"), ({"format": "x"}, {}, "metadata"),
            ({}, {"documents": numpy.array([0, 64], "<u8")}, "documents"), ({}, {"tokens": tokens.astype("<u4")}, "U32, not U16"),
        ]:  # fmt: skip
            content = safetensors({"documents": numpy.array([0, 65], "<u8"), "tokens": tokens, **more}, {**about, **change})
            (self.folder / "tokens.safetensors").write_bytes(content)
            stream = "sha256:" + hashlib.sha256(content).hexdigest()
            for name in ["before", "after"]:
                brake.write_token_losses(f"{name}.safetensors", numpy.ones(64), context=16, stream=stream)
            self.assertIn(message, self.refusal(CHANGE))

    def test_streams(self):
        self.refused("256 is not in a vocabulary", brake.write_tokens, [256], vocabulary=256, tokeniser="bytes")
        self.refused("-1 is not in a vocabulary", brake.write_tokens, [-1], vocabulary=256, tokeniser="bytes")
        self.refused("whole numbers", brake.write_tokens, [1.0], vocabulary=256, tokeniser="bytes")
        self.refused("shape", brake.write_tokens, [[1]], vocabulary=256, tokeniser="bytes")
        self.refused("documents", brake.write_tokens, [1, 2], vocabulary=256, tokeniser="bytes", documents=[0, 1])
        self.refused("documents", brake.write_tokens, [1, 2], vocabulary=256, tokeniser="bytes", documents=[0, 2, 1, 2])
        self.refused("separator", brake.write_tokens, [1, 2], vocabulary=256, tokeniser="bytes", separator=256)
        brake.write_tokens("tokens.safetensors", [0, 70_000, 1, 2], vocabulary=70_001, tokeniser="mine", separator=0, documents=[0, 2, 4])
        for name in ["before", "after"]:
            brake.write_token_losses(f"{name}.safetensors", [1.0, 2.0, 3.0], context=2, stream="tokens.safetensors")
        self.assertIsNone(self.result(CHANGE, "losses.json")["D"])


class OtherFormatTests(FormatTest):
    def test_predictions(self):
        before, predicted = RANDOM.gamma(3, 1, 32).astype("f4"), RANDOM.normal(0, 0.1, 32)
        after = before + predicted + RANDOM.normal(0, 0.02, 32)
        brake.write_gradients("gradients.safetensors", losses=before, changes=predicted, l1=numpy.ones(32), l2_squared=numpy.ones(32))
        brake.write_update_losses("updates.safetensors", before, after)
        found = self.result(PREDICTION, "prediction.json")
        measured = after.astype("f4").astype("f8") - before.astype("f8")
        self.assertAlmostEqual(found["correlation"], numpy.corrcoef(predicted, measured)[0, 1], places=12)
        self.assertAlmostEqual(found["slope"], numpy.polyfit(predicted, measured, 1)[0], places=12)
        self.refused("32", brake.write_gradients, losses=before, changes=predicted[:5], l1=numpy.ones(32))
        self.refused("negative", brake.write_gradients, losses=before, changes=predicted, l1=-numpy.ones(32))
        self.refused("nan", brake.write_gradients, losses=before, changes=predicted * numpy.nan, l1=numpy.ones(32))
        self.refused("one shape", brake.write_update_losses, before, after[:3])
        self.refused("one shape", brake.write_update_losses, before[None, None], after[None, None])

    def test_curves(self):
        steps, losses = numpy.array([1, 2, 4, 9_007_199_254_740_991]), [5.5, 1e-5, 1 / 3, 12345678901234567.0]
        brake.write_curve("curve.csv", steps, losses, run='a "b" ü')
        found = self.result(CURVE, "prepared.json")
        self.assertEqual((found["run"], found["steps"], found["losses"]), ('a "b" ü', steps.tolist(), losses))
        for pattern, steps, losses in [
            ("1 follows 2", [2, 1], [1, 1]), ("2 follows 2", [2, 2], [1, 1]), ("whole", [1.5], [1]), ("one loss a step", [1, 2], [1]),
            ("step 1 is 0.0", [1], [0]), ("step 2 is -1.0", [1, 2], [1, -1]), ("nan", [1], [numpy.nan]), ("-1", [-1], [1]),
            ("no number", [], []), ("no number", numpy.array([], "i8"), []), ("2\\^53", [1 << 53], [1]),
        ]:  # fmt: skip
            self.refused(pattern, brake.write_curve, steps, losses, run="a")
        self.refused("name of a run", brake.write_curve, [1], [1], run="")
        self.refused("name of a run", brake.write_curve, [1], [1], run="a\nb")
        self.refused("name of a run", brake.write_curve, [1], [1], run="a" * 201)

    def test_checkpoints_and_changes_of_parameters(self):
        self.stream()
        weights = self.weights()
        brake.write_checkpoint("c.safetensors", weights, SIZES)
        brake.write_tensors("delta.safetensors", {name: 0.01 * weight for name, weight in weights.items()})
        self.assertEqual(self.result(MEASURED + DISSENT + SINGLE, "summary.json")["tokens"], 64)
        brake.write_checkpoint("again", dict(reversed(weights.items())), SIZES)
        self.assertEqual((self.folder / "again").read_bytes(), (self.folder / "c.safetensors").read_bytes())
        name = "model.norm.weight"
        self.refused("not finite", brake.write_checkpoint, {**weights, name: weights[name] * numpy.nan}, SIZES)
        self.refused("I64", brake.write_checkpoint, {name: numpy.ones(3, "i8")}, SIZES)
        self.refused("model_type", brake.write_checkpoint, weights, {})
        self.refused("no JSON", brake.write_checkpoint, weights, {"model_type": "llama", "a": object()})
        self.refused("no weights", brake.write_checkpoint, {}, SIZES)
        for change, message in [
            ({name: None}, "missing"), ({"foo": weights[name]}, "no parameter 'foo'"), ({name: weights[name][:3]}, "has the shape"),
        ]:  # fmt: skip
            other = {key: value for key, value in {**weights, **change}.items() if value is not None}
            brake.write_checkpoint("c.safetensors", other, SIZES)
            self.assertIn(message, self.refusal(SINGLE))
        brake.write_checkpoint("c.safetensors", weights, SIZES)
        brake.write_tensors("delta.safetensors", {name: weights[name]})
        self.assertRegex(self.refusal(SINGLE), "missing|too few")
        brake.write_tensors("delta.safetensors", weights)
        broken = {**weights, name: weights[name] * numpy.float32("nan")}
        brake.write_tensors("c.safetensors", broken, {"config": json.dumps(SIZES)})
        self.assertIn("not finite", self.refusal(DISSENT))
        self.assertIn("not finite", self.refusal(SINGLE))

    def test_any_tensors(self):
        scalar = numpy.array(2.5, ">f8")
        brake.write_tensors("t", {"ü": scalar, "b": numpy.arange(6)[::-2].reshape(3, 1), "empty": numpy.ones((0, 3), "f2")}, {"x": "\b\f\n\"\\"})
        tensors = brake.read_tensors("t")
        self.assertEqual(sorted(tensors), ["b", "empty", "ü"])
        self.assertEqual(tensors["ü"].numpy(), 2.5)
        self.assertEqual(tensors["b"].numpy().tolist(), [[5], [3], [1]])
        self.assertEqual((tensors["empty"].shape, tensors["empty"].dtype), ((0, 3), "F16"))
        self.assertEqual(tensors.metadata, {"x": "\b\f\n\"\\"})
        self.refused("object", brake.write_tensors, {"a": numpy.array([None])})
        self.refused("texts", brake.write_tensors, {}, {"a": 1})
        self.refused("__metadata__", brake.write_tensors, {"__metadata__": scalar})
        with self.assertRaisesRegex(brake.BrakeError, "cannot be read"):
            brake.read_tensors("absent")
        (self.folder / "nothing").write_bytes(b"")
        with self.assertRaisesRegex(brake.BrakeError, "no safetensors"):
            brake.read_tensors("nothing")

    def test_what_cannot_be_written_leaves_what_was_there(self):
        brake.write_tensors("t", {"a": numpy.ones(3)})
        before = (self.folder / "t").read_bytes()
        with self.assertRaises(brake.BrakeError):
            brake.write_tensors("t", {"a": numpy.array([None])})
        self.assertEqual((self.folder / "t").read_bytes(), before)
        with self.assertRaisesRegex(brake.BrakeError, "cannot be written"):
            brake.write_tensors("t/inner", {"a": numpy.ones(3)})
        self.assertEqual(os.listdir(self.folder), ["t"])

    def test_tensors_of_torch(self):
        if torch is None:
            self.skipTest("torch is not installed")
        values = torch.tensor([[0.5, 1.5], [2.25, 3.0]], requires_grad=True)
        brake.write_tensors("t", {"wide": values, "half": values.to(torch.bfloat16).t(), "one": torch.tensor(3)})
        found = brake.read_tensors("t")
        self.assertEqual([(found[name].dtype, found[name].shape) for name in ["wide", "half", "one"]],
                         [("F32", (2, 2)), ("BF16", (2, 2)), ("I64", ())])  # fmt: skip
        self.assertTrue(torch.equal(found["half"].torch(), values.to(torch.bfloat16).t()))
        self.stream()
        for given in [values, values.to(torch.bfloat16), values.double()]:
            brake.write_token_losses("losses", given, context=2, stream="tokens.safetensors")
            self.assertEqual(brake.read_tensors("losses")["losses"].numpy().tolist(), [0.5, 1.5, 2.25, 3.0])
        self.refused("not finite", brake.write_checkpoint, {"a": torch.tensor([1.0, float("inf")], dtype=torch.bfloat16)}, SIZES)
        brake.write_curve("curve.csv", torch.tensor([1, 2]), torch.tensor([2.0, 1.0]), run="a")


class DocumentTests(FormatTest):
    """The examples in docs/formats.md work, and both ways to write a file write the same."""

    def test_its_examples(self):
        text = (REPOSITORY / "docs/formats.md").read_text()
        names = {"brake": brake}
        twice = set()
        contents = {}
        for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(code, names)
            for path in self.folder.iterdir():
                content = self.content(path)
                if path in contents and 'brake.write' in code and f'"{path.name}"' in code:
                    self.assertEqual(content, contents[path], path)
                    twice.add(path.name)
                contents[path] = content
        self.assertEqual(len(twice), 7)
        stages = "".join(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
        (self.folder / "checkpoint.safetensors").rename(self.folder / "c.safetensors")
        self.run_pipeline("stages:\n" + stages + MEASURED + DISSENT + SINGLE)

    def content(self, path):
        if path.suffix == ".csv":
            return path.read_bytes()
        tensors = brake.read_tensors(path)
        about = {name: text for name, text in tensors.metadata.items() if name not in ("config", "format")}
        return about, {name: (tensors[name].dtype, tensors[name].numpy().tolist()) for name in tensors}
