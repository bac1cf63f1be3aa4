#!/usr/bin/env python3
"""Writes training curves with the libraries that people log with, for CurveRecordsTests.

    pip install tensorboard wandb
    Tests/Reference/curves.py Tests/Fixtures/curves

Two event files, one with scalars as they are and one with tensors of one element, and what Weights & Biases writes of a run. The
latter is put together here of its own records, in blocks as LevelDB has them in logs, since a whole run says where and by whom it
was made.
"""
import pathlib
import struct
import sys
import zlib

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from wandb.proto import wandb_internal_pb2

STEPS = range(1, 41)


def loss(step):
    return 3 - step / 64


def events(path, value):
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        writer.write(event_pb2.Event(wall_time=1, file_version="brain.Event:2").SerializeToString())
        for step in STEPS:
            values = [value("train/loss", loss(step)), value("train/grad_norm", 1.0)]
            if step % 10 == 0:
                values.append(value("eval/loss", 9.0))
            event = event_pb2.Event(wall_time=step, step=step, summary=summary_pb2.Summary(value=values))
            writer.write(event.SerializeToString())


def scalar(tag, number):
    return summary_pb2.Summary.Value(tag=tag, simple_value=number)


def tensor(tag, number):
    # DT_FLOAT.
    return summary_pb2.Summary.Value(tag=tag, tensor=tensor_pb2.TensorProto(dtype=1, float_val=[number]))


class Log:
    """Records in blocks of 32 KiB; one that does not fit is cut into a first, middle and last part."""

    def __init__(self):
        self.bytes = b":W&B" + struct.pack("<HB", 0xBEE1, 0)

    def write(self, record):
        data, part = record.SerializeToString(), 1
        while True:
            left = 32768 - len(self.bytes) % 32768
            if left < 7:
                self.bytes += bytes(left)
                continue
            now, data = data[: left - 7], data[left - 7 :]
            kind = (1 if not data else 2) if part == 1 else (4 if not data else 3)
            check = zlib.crc32(now, zlib.crc32(bytes([kind])))
            self.bytes += struct.pack("<IHB", check, len(now), kind) + now
            part += 1
            if not data:
                return


def wandb_run(path):
    log = Log()
    record = wandb_internal_pb2.Record()
    record.run.run_id = "run"
    record.run.display_name = "a run"
    log.write(record)
    for step in STEPS:
        record = wandb_internal_pb2.Record()
        record.history.step.num = step
        # The long text makes the file longer than a block.
        for key, text in [("_step", str(step)), ("train/loss", repr(loss(step))), ("bad", '"NaN"'), ("text", f'"{"x" * 900}"')]:
            record.history.item.add(key=key, value_json=text)
        record.history.item.add(nested_key=["nested", "a"], value_json="1")
        log.write(record)
    path.write_bytes(log.bytes)


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
events(folder / "events.tfevents", scalar)
events(folder / "tensors.tfevents", tensor)
wandb_run(folder / "run.wandb")
