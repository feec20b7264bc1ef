"""The peer of `cargo bench --bench train`: steps of training the same architecture in PyTorch on the CPU.

Usage: train_pytorch.py MODEL_DIRECTORY BATCH THREADS

Builds open_clip's model from the directory's open_clip_config.json, with weights of its own, and trains it with
open_clip's loss and AdamW. Answers each line of the input, a side of the pictures in pixels, with one line: the
seconds that one step took, and the seconds of processor time. Pictures and sentences are random tensors that are
ready before the clock starts; their values don't change the time. At the first line for a side, it tries both
layouts of memory that PyTorch has for pictures and keeps the faster.
"""

import copy
import json
import math
import pathlib
import sys
import time

import open_clip
import torch
from open_clip.loss import ClipLoss
from open_clip.model import CLIP


class Trainer:
    def __init__(self, config: dict, batch: int, side: int, layout: torch.memory_format) -> None:
        config = copy.deepcopy(config)
        config["vision_cfg"]["image_size"] = side
        torch.manual_seed(1)
        self.model = CLIP(**config).train().to(memory_format=layout)
        self.loss = ClipLoss()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.0, fused=True
        )
        self.pictures = torch.randn(batch, 3, side, side).contiguous(memory_format=layout)
        text = config["text_cfg"]
        self.ids = torch.randint(1, text["vocab_size"], (batch, text["context_length"]))

    def step(self) -> tuple[float, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        self.optimizer.zero_grad()
        images, sentences, scale = self.model(self.pictures, self.ids)[:3]
        loss = self.loss(images, sentences, scale)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(0, math.log(100))
        loss.item()
        return time.perf_counter() - wall, time.process_time() - cpu


def fastest(config: dict, batch: int, side: int) -> Trainer:
    trainers = [Trainer(config, batch, side, layout) for layout in (torch.contiguous_format, torch.channels_last)]
    # The first step of each warms caches up.
    seconds = [[trainer.step()[0] for _ in range(3)][1:] for trainer in trainers]
    return trainers[min(range(2), key=lambda index: min(seconds[index]))]


def main() -> None:
    directory, batch, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    config = json.loads((directory / "open_clip_config.json").read_text())["model_cfg"]
    torch.set_num_threads(threads)
    print(f"PyTorch {torch.__version__}, open_clip {open_clip.__version__}, {torch.get_num_threads()} threads", flush=True)
    trainers: dict[int, Trainer] = {}
    for line in sys.stdin:
        side = int(line)
        if side not in trainers:
            trainers[side] = fastest(config, batch, side)
        wall, cpu = trainers[side].step()
        print(wall, cpu, flush=True)


main()
