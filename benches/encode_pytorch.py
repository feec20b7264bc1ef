"""A peer of `cargo bench --bench encode`: the image tower of a model directory in PyTorch on the CPU.

Usage: encode_pytorch.py MODEL_DIRECTORY THREADS [f32|bf16]

Answers each line of the input, a batch size, with one line: the seconds that one run took, and the seconds of
processor time. Pictures are random; their values don't change the time.
"""

import logging
import sys
import time
import warnings

import torch
from encode_tower import Tower

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def main() -> None:
    directory, threads = sys.argv[1], int(sys.argv[2])
    answers, sys.stdout = sys.stdout, sys.stderr
    torch.set_num_threads(threads)
    precision = sys.argv[3] if len(sys.argv) > 3 else "f32"
    number = torch.bfloat16 if precision == "bf16" else torch.float32
    tower = Tower(directory, "sdpa").to(number)
    print(f"PyTorch {torch.__version__}, {precision}", file=answers, flush=True)
    with torch.inference_mode():
        for line in sys.stdin:
            side = tower.config.image_size
            pictures = torch.randn((int(line), 3, side, side)).to(number)
            wall, cpu = time.perf_counter(), time.process_time()
            tower(pictures)
            print(time.perf_counter() - wall, time.process_time() - cpu, file=answers, flush=True)


main()
