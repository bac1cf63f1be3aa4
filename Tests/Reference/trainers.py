#!/usr/bin/env python3
"""Writes training curves with the libraries that people train with, for TrainerCurveTests.

    pip install torch lightning tensorboard transformers accelerate
    Tests/Reference/trainers.py Tests/Fixtures/curves

Written with torch 2.15.0, lightning 2.6.6, tensorboard 2.21.0, transformers 5.23.0 and accelerate 1.15.0: of one short training what
Lightning's loggers write, a table and an event file, the state that transformers keeps beside a checkpoint, and what it prints. Each has
losses of an evaluation beside those of the training. None says where it was written.
"""
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile

import lightning
import torch
import transformers
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 8)

    def loss(self, batch):
        return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

    def training_step(self, batch, _):
        loss = self.loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def with_lightning(folder, target):
    torch.manual_seed(1)
    inputs = torch.randn(64, 4)
    classes = (inputs.sum(1) > 0).long() * 3
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, classes), 4)
    loggers = [CSVLogger(folder, name="table"), TensorBoardLogger(folder, name="events")]
    lightning.Trainer(
        max_epochs=3, logger=loggers, log_every_n_steps=1, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, accelerator="cpu").fit(Line(), data, data)
    shutil.copy(next(folder.glob("table/*/metrics.csv")), target / "lightning.csv")
    shutil.copy(next(folder.glob("events/*/events.*")), target / "lightning.tfevents")


@contextlib.contextmanager
def printed(path):
    """What is printed goes into a file, as with `PYTHONUNBUFFERED=1 ... > path 2>&1`."""
    kept = [os.dup(1), os.dup(2)]
    sys.stdout.flush()
    sys.stdout.reconfigure(line_buffering=True)
    with open(path, "wb") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            sys.stdout.flush()
            for number, before in zip((1, 2), kept):
                os.dup2(before, number)


def with_transformers(folder, target):
    torch.manual_seed(1)
    sizes = transformers.GPT2Config(vocab_size=64, n_positions=16, n_embd=16, n_layer=1, n_head=2)
    tokens = [torch.randint(0, 64, (16,)) for _ in range(64)]
    data = [{"input_ids": each, "labels": each.clone()} for each in tokens]
    arguments = transformers.TrainingArguments(
        str(folder / "run"), max_steps=30, per_device_train_batch_size=4, logging_steps=2, save_steps=30,
        eval_strategy="steps", eval_steps=10, report_to=[], use_cpu=True)
    trainer = transformers.Trainer(
        transformers.GPT2LMHeadModel(sizes), arguments, train_dataset=data, eval_dataset=data[:8])
    with printed(target / "transformers.log"):
        trainer.train()
    shutil.copy(folder / "run/checkpoint-30/trainer_state.json", target / "trainer_state.json")


if __name__ == "__main__":
    destination = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        with_lightning(pathlib.Path(temporary), destination)
        with_transformers(pathlib.Path(temporary), destination)
