#!/usr/bin/env python3
"""brake and Hugging Face's transformers read each other's models: the losses of every token beside each other.

    Scripts/transformers.py

Of every family and its variants two models: one that transformers makes with random weights, which brake reads
(lm.import), and one that brake trains a few steps and writes (lm.export), which transformers opens. Prints the largest
difference of a token's loss in nats, and exits with 1 if one is above 1e-5. Exits with 3 if torch or transformers are
not installed (pip install torch transformers). The binary is .build/release/brake, or $BRAKE.
"""
import json, os, pathlib, subprocess, sys, tempfile

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false")
# Beside this file, not the library, stands a module called transformers.
sys.path = [path for path in sys.path if pathlib.Path(path or ".").resolve() != pathlib.Path(__file__).parent.resolve()]
try:
    import numpy, torch, transformers
    from safetensors.numpy import load_file, save_file
except ImportError as error:
    print(f"transformers.py: not run, {error.name} is not installed (pip install torch transformers)")
    sys.exit(3)

ROOT = pathlib.Path(__file__).resolve().parent.parent
BRAKE = os.environ.get("BRAKE", str(ROOT / ".build/release/brake"))
VOCABULARY, WIDTH, CONTEXT, TOKENS, LIMIT = 97, 48, 32, 1000, 1e-5


def llama(**options):
    return transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=CONTEXT, bos_token_id=None, eos_token_id=None, **options)


def mistral(**options):
    return transformers.MistralConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, bos_token_id=None, eos_token_id=None, **{"max_position_embeddings": CONTEXT} | options)


def qwen3(**options):
    return transformers.Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=20, max_position_embeddings=CONTEXT, bos_token_id=None, eos_token_id=None,
        **options)


def olmo2(**options):
    return transformers.Olmo2Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=CONTEXT, pad_token_id=None, eos_token_id=None, **options)


def gemma(**options):
    return transformers.GemmaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=1, head_dim=20, max_position_embeddings=CONTEXT, pad_token_id=None, bos_token_id=None,
        eos_token_id=None, **options)


def qwen2(**options):
    return transformers.Qwen2Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=None, eos_token_id=None, **options)


LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}


def olmo(**options):
    return transformers.OlmoConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=CONTEXT, pad_token_id=None, eos_token_id=None, **options)


def gpt2(**options):
    return transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=3, n_head=4, n_positions=CONTEXT, bos_token_id=None,
        eos_token_id=None, **options)


def neox(**options):
    return transformers.GPTNeoXConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=160, num_hidden_layers=3, num_attention_heads=3,
        max_position_embeddings=CONTEXT, bos_token_id=None, eos_token_id=None, **options)


# Name, configuration, and the type and form in which its weights are saved.
MODELS = [
    ("llama", llama(), {}),
    ("llama-tied", llama(tie_word_embeddings=True), {}),
    ("llama-grouped", llama(num_key_value_heads=2, rope_theta=5e5), {"dtype": torch.float16}),
    ("llama-head-dimension", llama(head_dim=16, rms_norm_eps=1e-5), {"shards": "40KB"}),
    ("llama-plain-norms", llama(norm_affine=False), {}),  # as lm.train makes them unless told otherwise
    ("llama3-scaled", llama(rope_scaling=LLAMA3, rope_theta=500.0), {}),
    ("llama-linear-scaled", llama(rope_scaling={"rope_type": "linear", "factor": 4.0}), {}),
    ("mistral", mistral(sliding_window=None), {}),
    ("mistral-window", mistral(sliding_window=CONTEXT), {}),
    ("mistral-slides", mistral(sliding_window=10), {}),
    ("mistral-slides-far", mistral(sliding_window=70, max_position_embeddings=200), {}),
    ("qwen2", qwen2(), {}),
    ("qwen2-tied", qwen2(tie_word_embeddings=True, rope_theta=1e6), {"dtype": torch.bfloat16}),
    ("qwen3", qwen3(), {}),
    ("qwen3-tied", qwen3(tie_word_embeddings=True, rope_theta=1e6), {"dtype": torch.bfloat16}),
    ("olmo2", olmo2(), {}),
    ("olmo2-grouped", olmo2(num_key_value_heads=2, rope_theta=5e5), {"shards": "40KB"}),
    ("gemma", gemma(), {}),
    ("gemma-untied", gemma(tie_word_embeddings=False, hidden_act="gelu"), {"dtype": torch.bfloat16}),
    ("olmo", olmo(), {}),
    ("olmo-grouped", olmo(num_key_value_heads=2, tie_word_embeddings=True), {"dtype": torch.bfloat16}),
    ("gpt2", gpt2(), {}),
    ("gpt2-erf", gpt2(activation_function="gelu", n_inner=100), {"shards": "40KB"}),
    ("gpt2-base-model", gpt2(activation_function="gelu_pytorch_tanh"), {"base": True}),
    ("gpt2-untied", gpt2(tie_word_embeddings=False), {"dtype": torch.float64}),
    ("neox", neox(), {}),
    ("neox-half-rotary", neox(rotary_pct=0.5, rotary_emb_base=5000, hidden_act="gelu_new"), {"shards": "40KB"}),
    ("neox-serial-tied", neox(use_parallel_residual=False, rotary_pct=1.0, tie_word_embeddings=True), {}),
]

PIPELINE = """
params: { models: [] }
stages:
  import: { for: { model: "${models}" }, op: lm.import, in: { model: "models/${model}" } }
  read:
    for: { model: "${models}" }
    op: lm.losses
    in: { checkpoint: "import[${model}]", tokens: tokens.safetensors }
    publish: results/read/
  train:
    for: { model: "${models}" }
    op: lm.train
    in: { train: tokens.safetensors, configuration: "models/${model}/config.json" }
    with:
      { model: configuration, steps: 8, checkpoints: [], context: 32, batch: 4, warmup: 2, learning_rate: 0.01 }
  export:
    for: { model: "${models}" }
    op: lm.export
    in: { checkpoint: "train[${model}].checkpoints[8]" }
    publish: results/export/
  written:
    for: { model: "${models}" }
    op: lm.losses
    in: { checkpoint: "train[${model}].checkpoints[8]", tokens: tokens.safetensors }
    publish: results/written/
  return: { for: { model: "${models}" }, op: lm.import, in: { model: "export[${model}]" } }
  again:
    for: { model: "${models}" }
    op: lm.losses
    in: { checkpoint: "return[${model}]", tokens: tokens.safetensors }
    publish: results/again/
default: [read, export, written, again]
"""


def random_model(config):
    """Weights that make every part of the computation matter."""
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                if getattr(config, "norm_affine", True):
                    parameter += 0.2 * torch.randn_like(parameter)
            else:
                parameter.copy_(torch.randn_like(parameter) / parameter.shape[1] ** 0.5)
    return model


def save(model, folder, dtype=torch.float32, shards="1GB", base=False):
    model.to(dtype)
    (model.base_model if base else model).save_pretrained(folder, max_shard_size=shards)


def losses(model, tokens):
    """Of each token after the first, in windows of the context, as lm.losses takes them."""
    found, context = [], model.config.max_position_embeddings
    with torch.no_grad():
        for start in range(0, len(tokens) - 1, context):
            window = torch.tensor(tokens[start : start + context + 1].astype(numpy.int64))
            logits = model(window[None, :-1], use_cache=False).logits[0]
            found.append(torch.nn.functional.cross_entropy(logits, window[1:], reduction="none"))
    return torch.cat(found).numpy()


def opened(folder):
    """The model that transformers opens; it has to find each of its parameters, and no others."""
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    problems = {name: sorted(map(str, found)) for name, found in report.items() if found}
    if problems:
        sys.exit(f"transformers.py: {folder}: {problems}")
    return model.eval()


def main():
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(1)
    names = [name for name, _, _ in MODELS]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "brake.yaml").write_text(PIPELINE)
        tokens = numpy.random.default_rng(2).integers(0, VOCABULARY, TOKENS, dtype=numpy.uint16)
        save_file(
            {"tokens": tokens, "documents": numpy.array([0, TOKENS], dtype=numpy.uint64)}, folder / "tokens.safetensors",
            {"format": "brake.tokens", "tokeniser": "test", "vocabulary_size": str(VOCABULARY), "separator": "none"})
        made = {}
        for name, config, form in MODELS:
            save(random_model(config), folder / "models" / name, **form)
            made[name] = losses(opened(folder / "models" / name), tokens)
        run = subprocess.run(
            [BRAKE, "-C", folder, "--store", folder / "store", "models=" + json.dumps(names)], capture_output=True,
            text=True)
        if run.returncode:
            sys.exit(f"transformers.py: brake failed\n{run.stderr}")

        def measured(stage, name):
            return load_file(folder / "results" / stage / name / "losses.safetensors")["losses"]

        print(f"torch {torch.__version__}, transformers {transformers.__version__}; {TOKENS - 1} tokens each, losses in nats")
        print(f"{'model':22} {'class':18} {'to brake: mean':>16} {'difference':>11} {'from brake: mean':>18} {'difference':>11}")
        differ = []
        for name in names:
            model = opened(folder / "results/export" / name / "model")
            there, written = losses(model, tokens), measured("written", name)
            inward, outward = abs(measured("read", name) - made[name]).max(), abs(written - there).max()
            if not (inward <= LIMIT and outward <= LIMIT):
                differ.append(name)
            print(
                f"{name:22} {type(model).__name__:18} {made[name].mean():16.5f} {inward:11.1e} {there.mean():18.5f} "
                f"{outward:11.1e}")
            if not (written == measured("again", name)).all():
                sys.exit(f"transformers.py: {name}: other losses after lm.export and lm.import")
        if differ:
            sys.exit(f"transformers.py: above {LIMIT} differ {', '.join(differ)}")


main()
