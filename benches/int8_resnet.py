"""What int8 would change in a ResNet's embeddings, by rounding in single precision.

    python3 benches/int8_resnet.py MODEL_FOLDER PICTURE_FOLDER

The folder is in open_clip's layout. Batch norms are folded into convolutions; weights are rounded per output
channel, what goes into a convolution by one factor that 128 other pictures gave. Prints the cosines with single
precision, and beside them those of bf16.
"""

import copy
import glob
import json
import random
import sys

import numpy as np
import torch
from open_clip.modified_resnet import ModifiedResNet
from PIL import Image
from safetensors.torch import load_file
from torch.nn import Conv2d, Identity, Sequential
from torch.nn.functional import normalize

CALIBRATION, TRIED = 128, 300


def tower(folder, config):
    vision = config["model_cfg"]["vision_cfg"]
    model = ModifiedResNet(
        layers=vision["layers"],
        output_dim=config["model_cfg"]["embed_dim"],
        heads=vision["width"] * 32 // 64,
        image_size=vision["image_size"],
        width=vision["width"],
    )
    weights = load_file(f"{folder}/open_clip_model.safetensors")
    prefix = "visual."
    model.load_state_dict({k[len(prefix) :]: w.float() for k, w in weights.items() if k.startswith(prefix)})
    return model.eval()


def pictures(folder, config):
    side = config["model_cfg"]["vision_cfg"]["image_size"]
    mean, std = (torch.tensor(config["preprocess_cfg"][key]).view(3, 1, 1) for key in ("mean", "std"))
    names = sorted(glob.glob(f"{folder}/**/*.*", recursive=True))
    random.Random(0).shuffle(names)

    def picture(name):
        pixels = np.array(Image.open(name).convert("RGB").resize((side, side), Image.BICUBIC))
        return (torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 - mean) / std

    return torch.stack([picture(name) for name in names[: CALIBRATION + TRIED]])


def folded(conv, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    out = Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    out.weight.data = conv.weight * scale.view(-1, 1, 1, 1)
    out.bias.data = norm.bias - norm.running_mean * scale
    return out


def fold(model):
    """Folds all batch norms and returns the convolutions, those of the stem first."""
    convolutions = []
    blocks = [block for stage in (model.layer1, model.layer2, model.layer3, model.layer4) for block in stage]
    for owner in [model, *blocks]:
        for number in (1, 2, 3):
            conv = folded(getattr(owner, f"conv{number}"), getattr(owner, f"bn{number}"))
            setattr(owner, f"conv{number}", conv)
            setattr(owner, f"bn{number}", Identity())
            convolutions.append(conv)
        if getattr(owner, "downsample", None) is not None:
            pool, conv, norm = owner.downsample.children()
            owner.downsample = Sequential(pool, folded(conv, norm))
            convolutions.append(owner.downsample[1])
    return convolutions


def rounded(values, greatest, least, most):
    factor = greatest / most
    return (values / factor).round().clamp(least, most) * factor


def main():
    folder, picture_folder = sys.argv[1:]
    config = json.load(open(f"{folder}/open_clip_config.json"))
    model, images = tower(folder, config), pictures(picture_folder, config)
    calibration, tried = images[:CALIBRATION], images[CALIBRATION:]
    convolutions = fold(model)
    exact = normalize(model(tried), dim=-1)

    def report(name, embeddings):
        cosines = (normalize(embeddings, dim=-1) * exact).sum(-1)
        below = (cosines < 0.999).float().mean() * 100
        print(f"{name}: least {cosines.min():.4f}, median {cosines.median():.4f}, below 0.999 {below:.0f}%")

    report("bf16", copy.deepcopy(model).bfloat16()(tried.bfloat16()).float())
    greatest = {}

    def watch(conv, inputs):
        greatest[conv] = max(greatest.get(conv, 0.0), inputs[0].abs().max().item())

    hooks = [conv.register_forward_pre_hook(watch) for conv in convolutions]
    model(calibration)
    for hook in hooks:
        hook.remove()

    def round_weights(conv):
        conv.weight.data = rounded(conv.weight, conv.weight.abs().amax((1, 2, 3), keepdim=True), -127, 127)

    def round_inputs(conv, inputs):
        # All but the pictures come out of a ReLU.
        signed = conv is convolutions[0]
        return (rounded(inputs[0], greatest[conv], *((-127, 127) if signed else (0, 255))),)

    for name, chosen in [("int8 but for the stem", convolutions[3:]), ("int8", convolutions)]:
        weights = [conv.weight.data for conv in convolutions]
        for conv in chosen:
            round_weights(conv)
        hooks = [conv.register_forward_pre_hook(round_inputs) for conv in chosen]
        report(name, model(tried))
        for hook in hooks:
            hook.remove()
        for conv, weight in zip(convolutions, weights):
            conv.weight.data = weight


with torch.no_grad():
    main()
