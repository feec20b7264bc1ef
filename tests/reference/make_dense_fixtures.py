"""Makes dense.json in some folders of tests/reference/clip: the embeddings of patches and cells, by the papers'
formulas in PyTorch, of the models that make_clip_fixtures.py and make_layout_fixtures.py made.

    python3 -m venv venv && venv/bin/pip install torch transformers open_clip_torch pillow safetensors
    venv/bin/python tests/reference/make_dense_fixtures.py
"""

import json

import open_clip
import torch
from safetensors.torch import load_file
from transformers import SiglipImageProcessorPil, SiglipModel

from make_clip_fixtures import OUT, normalised, pictures, write_json


def open_clip_model(name):
    """A model, and the three pictures as it takes them."""
    directory = OUT / name
    config = json.loads((directory / "open_clip_config.json").read_text())
    model = open_clip.model.CLIP(**config["model_cfg"]).eval()
    model.load_state_dict(load_file(directory / "open_clip_model.safetensors"))
    preprocess = config["preprocess_cfg"]
    mean, std = preprocess["mean"], preprocess["std"]
    transform = open_clip.transform.image_transform(preprocess["size"], is_train=False, mean=mean, std=std)
    return model.visual, torch.stack([transform(picture) for picture in pictures()])


def patches_of_vit(visual, pixels, sources):
    """The last block as softmax(s s^T / sqrt(d)) v, summed over `sources` out of q, k and v."""
    last = visual.transformer.resblocks[-1]
    inputs = []
    hook = last.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    visual(pixels)
    hook.remove()
    x = last.ln_1(inputs[0])
    count, tokens, width = x.shape
    heads = last.attn.num_heads
    projected = torch.nn.functional.linear(x, last.attn.in_proj_weight, last.attn.in_proj_bias).chunk(3, -1)
    q, k, v = (p.view(count, tokens, heads, width // heads).transpose(1, 2) for p in projected)
    like = {"q": q, "k": k, "v": v}
    weights = sum((like[s] @ like[s].mT / (width // heads) ** 0.5).softmax(-1) for s in sources)
    out = last.attn.out_proj((weights @ v).transpose(1, 2).reshape(count, tokens, width))
    return visual.ln_post(out[:, 1:]) @ visual.proj


def vit(name):
    visual, pixels = open_clip_model(name)
    write_json(OUT / name / "dense.json", {
        "ClearClip": normalised(patches_of_vit(visual, pixels, "q")),
        "SegEarthOv": normalised(patches_of_vit(visual, pixels, "qkv")),
    })


def resnet(name):
    """MaskCLIP: value and output projection of the attention pool at every pixel of the last feature map."""
    visual, pixels = open_clip_model(name)
    x = visual.stem(pixels)
    for layer in [visual.layer1, visual.layer2, visual.layer3, visual.layer4]:
        x = layer(x)
    pool = visual.attnpool
    write_json(OUT / name / "dense.json", {"cells": normalised(pool.c_proj(pool.v_proj(x.flatten(2).mT)))})


def siglip(name):
    """The pooling head on each patch alone."""
    model = SiglipModel.from_pretrained(OUT / name).eval().vision_model
    pixels = SiglipImageProcessorPil.from_pretrained(OUT / name)(pictures(), return_tensors="pt").pixel_values
    tokens = model(pixels).last_hidden_state
    patches = torch.stack([model.head(tokens[:, i : i + 1]) for i in range(tokens.shape[1])], 1)
    write_json(OUT / name / "dense.json", {"cells": normalised(patches)})


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        vit("open_clip_gelu")
        resnet("open_clip_resnet")
        siglip("siglip")
