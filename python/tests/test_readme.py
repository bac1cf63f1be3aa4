"""The examples in the README do what they say."""

import doctest
import os

from support import RANDOM, REPOSITORY, StoreTest, safetensors

PIPELINE = """
stages:
  train:
    for: { size: [47k] }
    run: |
      head -c -1 ${in.weights} > ${out.weights}
      printf 'step,loss\\n1,5.5\\n' > ${out.losses}
      echo '{"size":"${size}"}' > ${out.settings}
    in: { weights: model.safetensors }
    out: { weights: weights.safetensors, losses: losses.csv, settings: settings.json }
    sandbox: false
  report:
    run: mkdir -p ${out.report}/parts && echo '<html>' > ${out.report}/page.html && echo fine > ${out.report}/parts/note.txt
    out: { report: report }
    sandbox: false
"""


class ReadmeTests(StoreTest):
    def test_its_examples(self):
        bias = RANDOM.integers(0, 9999, 64, "u2")
        embedding = RANDOM.normal(0, 0.02, (4096, 64)).astype("f4")
        content = safetensors({"bias": ("BF16", bias), "embedding": embedding})
        (self.folder / "model.safetensors").write_bytes(content + b"x")
        self.run_pipeline(PIPELINE, "train", "report")
        self.brake("ref", "best", "train[47k].weights")
        before = os.getcwd(), os.environ.pop("BRAKE_STORE", None)
        os.chdir(self.folder)
        try:
            failed, tried = doctest.testfile(str(REPOSITORY / "python/README.md"), module_relative=False)
        finally:
            os.chdir(before[0])
            if before[1] is not None:
                os.environ["BRAKE_STORE"] = before[1]
        self.assertGreater(tried, 10)
        self.assertEqual(failed, 0)
