"""A peer of `cargo bench --bench encode`: the image tower of a model directory in ONNX Runtime on the CPU.

Usage: encode_onnxruntime.py MODEL_DIRECTORY THREADS

Exports the tower once, lets ONNX Runtime's transformer optimizer fuse what it can, and keeps the faster of the two
graphs. Then answers each line of the input, a batch size, with one line: the seconds that one run took, and the
seconds of processor time. Pictures are random; their values don't change the time.
"""

import logging
import os
import sys
import tempfile
import time
import warnings

import numpy as np
import onnxruntime
import torch
from encode_tower import Tower

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def main() -> None:
    directory, threads = sys.argv[1], int(sys.argv[2])
    answers, sys.stdout = sys.stdout, sys.stderr  # Exporters are talkative.
    with tempfile.TemporaryDirectory() as scratch:
        tower = Tower(directory, "eager")
        side = tower.config.image_size
        plain = os.path.join(scratch, "plain.onnx")
        export(tower, side, plain)
        sessions = [open_session(path, threads) for path in (plain, fused(tower, plain)) if path]
    seconds = [min(run(session, side, 8)[0] for _ in range(4)) for session in sessions]
    session = sessions[int(np.argmin(seconds))]
    names = ["plain", "fused"][: len(seconds)]
    report = ", ".join(f"{name} graph {8 / s:.1f} images/s" for name, s in zip(names, seconds))
    print(f"ONNX Runtime {onnxruntime.__version__}: {report}", file=answers, flush=True)
    for line in sys.stdin:
        wall, cpu = run(session, side, int(line))
        print(wall, cpu, file=answers, flush=True)


def export(tower: Tower, side: int, path: str) -> None:
    torch.onnx.export(
        tower,
        (torch.zeros(2, 3, side, side),),
        path,
        input_names=["pixel_values"],
        output_names=["image_embeds"],
        dynamic_axes={"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


def fused(tower: Tower, plain: str) -> str | None:
    # There are no transformers in a ResNet.
    if tower.pooled is None:
        return None
    from onnxruntime.transformers import optimizer

    path = plain.replace("plain", "fused")
    try:
        optimized = optimizer.optimize_model(
            plain,
            model_type="clip",
            num_heads=tower.config.num_attention_heads,
            hidden_size=tower.config.hidden_size,
            opt_level=1,
        )
        optimized.save_model_to_file(path)
    except Exception as error:  # An older optimizer; the plain graph remains.
        print(f"not fused: {error}", file=sys.stderr)
        return None
    return path


def open_session(path: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, side: int, batch: int) -> tuple[float, float]:
    pictures = np.random.default_rng(batch).standard_normal((batch, 3, side, side), dtype=np.float32)
    wall, cpu = time.perf_counter(), time.process_time()
    session.run(None, {"pixel_values": pictures})
    return time.perf_counter() - wall, time.process_time() - cpu


main()
