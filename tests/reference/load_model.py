"""What PyTorch needs to load a model as a bare state dict, for docs/benchmarks.md.

    python3 tests/reference/load_model.py make ViT-L-14 L14.pt     # random weights in half precision
    python3 tests/reference/load_model.py make ViT-L-14 L14.safetensors single     # in single precision
    python3 tests/reference/load_model.py load ViT-L-14 L14.pt     # processor time and peak memory of open_clip
    python3 tests/reference/load_model.py load ViT-L-14 L14.pt picture.png     # and one picture encoded
    python3 tests/reference/load_model.py lean ViT-L-14 L14.pt picture.png     # without drawing weights before
    /usr/bin/time -v skysift embed [--image picture.png] --model L14.pt --arch ViT-L-14-quickgelu --device cpu
"""

import resource
import sys
import time

import open_clip
import torch
from PIL import Image
from safetensors.torch import load_file, save_file


def make(name, path, precision="half"):
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
        state[key] = x.to(torch.half if precision == "half" else torch.float).clone()
    if path.endswith(".safetensors"):
        save_file(state, path)
    else:
        torch.save(state, path)


def read(path, **how):
    if path.endswith(".safetensors"):
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True, **how)


def usual(name, path):
    """As open_clip does it: a model with random weights, then those of the file."""
    model, _, preprocess = open_clip.create_model_and_transforms(name)
    model.load_state_dict(read(path))
    return model, preprocess


def lean(name, path):
    """As one may do it by hand: the tensors of the mapped file become those of the model, in single precision."""
    with torch.device("meta"):
        model = open_clip.model.CLIP(**open_clip.get_model_config(name))
    model.load_state_dict(read(path, mmap=True), assign=True)
    # Only the text tower needs the mask, which no file holds.
    model.attn_mask = None
    return model.float(), open_clip.image_transform(model.visual.image_size, is_train=False)


def measure(make_model, name, path, picture=None):
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    model, preprocess = make_model(name, path)
    if picture:
        with torch.inference_mode():
            model.eval().encode_image(preprocess(Image.open(picture).convert("RGB"))[None])
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{seconds:.2f} s of processor time, {after.ru_maxrss // 1024} MiB at most, of which {before.ru_maxrss // 1024} "
          f"MiB before loading; {time.perf_counter() - began:.2f} s on the clock")


command, *arguments = sys.argv[1:]
if command == "make":
    make(*arguments)
else:
    measure({"load": usual, "lean": lean}[command], *arguments)
