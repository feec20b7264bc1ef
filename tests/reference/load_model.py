"""What PyTorch needs to load a model as a bare state dict, for docs/benchmarks.md.

    python3 tests/reference/load_model.py make ViT-L-14 L14.pt     # random weights in half precision
    python3 tests/reference/load_model.py load ViT-L-14 L14.pt     # processor time and peak memory of open_clip
    python3 tests/reference/load_model.py load ViT-L-14 L14.pt picture.png     # and one picture encoded
    /usr/bin/time -v skysift embed [--image picture.png] --model L14.pt --arch ViT-L-14-quickgelu --device cpu
"""

import resource
import sys
import time

import open_clip
import torch
from PIL import Image


def make(name, path):
    with torch.device("meta"):
        model = open_clip.model.CLIP(**open_clip.get_model_config(name))
    noise = torch.rand(1 << 20, generator=torch.Generator().manual_seed(1)) - 0.5
    state = {}
    for key, value in model.state_dict().items():
        count = value.numel()
        x = noise.repeat(count // noise.numel() + 1)[:count].reshape(value.shape)
        if value.ndim == 0:
            x = torch.tensor(3.0)
        elif "ln_" in key and key.endswith("weight"):
            x = 1 + x * 0.1
        elif value.ndim > 1:
            x = x * 3.4 / value.shape[-1] ** 0.5
        state[key] = x.half()
    torch.save(state, path)


def load(name, path, picture=None):
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    if picture:
        with torch.inference_mode():
            model.eval().encode_image(preprocess(Image.open(picture).convert("RGB"))[None])
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{seconds:.2f} s of processor time, {after.ru_maxrss // 1024} MiB at most, of which {before.ru_maxrss // 1024} "
          f"MiB before loading; {time.perf_counter() - began:.2f} s on the clock")


{"make": make, "load": load}[sys.argv[1]](*sys.argv[2:])
