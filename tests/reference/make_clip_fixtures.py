"""Makes tests/reference/clip: small random CLIP models and what transformers and open_clip compute with them.

    python3 -m venv venv && venv/bin/pip install torch transformers open_clip_torch pillow safetensors
    venv/bin/python tests/reference/make_clip_fixtures.py

The models have real structure (both activations, both layouts, different widths of the towers, both ways to
pool the text) and weights that are far from their initial values, so that a mistake anywhere shows. Everything
is seeded; run it again and the files stay the same up to the libraries' own changes.
"""

import gzip
import json
import pathlib
import shutil

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
)

OUT = pathlib.Path(__file__).parent / "clip"
MERGES = 900  # of OpenAI's 48,894: enough for whole words, small enough to keep

TEXTS = [
    "a photo of a harbor",
    "A Photo of a HARBOR!",
    "it's the airport's runway, isn't it? we'll see: they've been there",
    "industrial facilities & railway station (2024) - 3.5km\u00b2, 100%",
    "  several   spaces\tand\nlines ",
    "",
    "...!!!???",
    "\u041f\u043e\u0440\u0442 \u0438 \u0431\u0435\u0440\u0435\u0433",
    "\u6e2f\u53e3 \u98de\u673a\u573a",
    "\u0645\u064a\u0646\u0627\u0621",
    "caf\u00e9 and cafe\u0301 at the pla\u0301ya, na\u00efve \u00dcbersee",
    "\U0001f6a2\U0001f6f0\ufe0f ship and satellite \U0001f1eb\U0001f1f7",
    "4x4 12:30 a1b2 don't DON'T",
    "river forest beach stadium park freeway harbor airport " * 20,
    "<|endoftext|> inside",
    "x" * 300,
]
# What only open_clip's clean-up changes.
DIRTY_TEXTS = [
    "cars &amp; boats &lt;b&gt; &#39;x&#39; AT&T",
    "\u201charbor\u2019s edge\u201d \ufb01eld \uff21\uff22\uff23",
]


def bytes_to_unicode():
    return open_clip.tokenizer.bytes_to_unicode()


def merges(count=MERGES):
    path = pathlib.Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.open(path).read().decode().split("\n")
    return [tuple(line.split()) for line in lines[1 : count + 1]]


def vocabulary(merges):
    symbols = list(bytes_to_unicode().values())
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m) for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}


def shake(model):
    """Moves every weight away from where it starts: biases from zero, norms from one."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("logit_scale"):
                p.fill_(float(np.log(31.7)))
            elif p.ndim == 1:
                p.add_(torch.randn_like(p) * 0.3)
            else:
                p.add_(torch.randn_like(p) * p.std() * 0.5)
                p.mul_(1.5)
        # What batch norms saw in training.
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.add_(torch.randn_like(b) * 0.5)
            elif name.endswith("running_var"):
                b.mul_(torch.rand_like(b) * 2 + 0.5)


def pictures():
    """Three pictures of awkward sizes: noise over gradients, so that every filter tap matters."""
    rng = np.random.default_rng(7)
    made = []
    for width, height in [(61, 97), (200, 131), (48, 48)]:
        y, x = np.mgrid[0:height, 0:width]
        base = np.stack([x * 255 / width, y * 255 / height, (x + y) * 127 / (width + height)], -1)
        noise = rng.normal(0, 60, (height, width, 3))
        made.append(Image.fromarray(np.clip(base + noise, 0, 255).astype(np.uint8)))
    return made


def normalised(x):
    return (x / x.norm(dim=-1, keepdim=True)).double().numpy().round(9).tolist()


def write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=True) + "\n")


def tokenizer_files(directory, tokenizer, whole):
    tokenizer.save_pretrained(directory)
    for name in ["special_tokens_map.json", "added_tokens.json"]:
        (directory / name).unlink(missing_ok=True)
    if not whole:
        (directory / "tokenizer.json").unlink()
        write_json(directory / "vocab.json", vocabulary(merges()))
        lines = ["#version: 0.2"] + [" ".join(m) for m in merges()]
        (directory / "merges.txt").write_text("\n".join(lines) + "\n")


def hugging_face(name, seed, *, activation, eos, vision, text, projection, dtype=torch.float32, store="safetensors",
                 whole_tokenizer=True, image_size=32, patch_size=8):
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    torch.manual_seed(seed)
    vocab = vocabulary(merges())
    end = vocab["<|endoftext|>"]
    config = CLIPConfig(
        projection_dim=projection,
        vision_config=dict(hidden_act=activation, image_size=image_size, patch_size=patch_size,
                           projection_dim=projection, **vision),
        text_config=dict(hidden_act=activation, vocab_size=len(vocab), max_position_embeddings=24,
                         bos_token_id=end - 1, eos_token_id=end if eos is None else eos, pad_token_id=end,
                         projection_dim=projection, **text),
    )
    model = CLIPModel(config).eval()
    shake(model)
    model = model.to(dtype)
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges(), model_max_length=24)
    processor = CLIPImageProcessorPil(size={"shortest_edge": image_size},
                                      crop_size={"height": image_size, "width": image_size},
                                      image_mean=[0.48, 0.45, 0.40], image_std=[0.26, 0.27, 0.28])
    if store == "shards":
        model.save_pretrained(directory, max_shard_size="60KB")
    else:
        model.save_pretrained(directory)
    if store == "pytorch":
        (directory / "model.safetensors").unlink()
        state = model.state_dict()
        # As old checkpoints have it.
        state["text_model.embeddings.position_ids"] = torch.arange(24)[None]
        torch.save(state, directory / "pytorch_model.bin")
    processor.save_pretrained(directory)
    tokenizer_files(directory, tokenizer, whole_tokenizer)
    # Half-precision checkpoints are compared in single precision, as the program runs them.
    model = model.float()
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=24, return_tensors="pt").input_ids
    images = pictures()
    pixels = processor(images, return_tensors="pt").pixel_values
    with torch.no_grad():
        image = model.get_image_features(pixel_values=pixels)
        sentence = model.get_text_features(input_ids=ids)
    image = getattr(image, "pooler_output", image)
    sentence = getattr(sentence, "pooler_output", sentence)
    write_json(directory / "expected.json", {
        "texts": TEXTS, "ids": ids.tolist(), "image_embeddings": normalised(image),
        "text_embeddings": normalised(sentence), "logit_scale": float(model.logit_scale.detach().exp()),
        "pixels": [np.round(p.double().numpy().ravel(), 6).tolist() for p in pixels[:1]],
    })


VIT = {"layers": 2, "width": 48, "head_width": 12, "mlp_ratio": 3.3, "patch_size": 8}


def openclip(name, seed, *, quick_gelu, bare=False, vision=VIT, image_size=32):
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    torch.manual_seed(seed)
    vocab = vocabulary(merges())
    model_cfg = {
        "embed_dim": 24, "quick_gelu": quick_gelu,
        "vision_cfg": {"image_size": image_size} | vision,
        "text_cfg": {"context_length": 24, "vocab_size": len(vocab), "width": 32, "heads": 4, "layers": 3},
    }
    model = open_clip.model.CLIP(**model_cfg).eval()
    shake(model)
    preprocess_cfg = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.25], "interpolation": "bicubic",
                      "resize_mode": "shortest", "size": [image_size, image_size], "mode": "RGB"}
    write_json(directory / "open_clip_config.json", {"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg})
    state = model.state_dict()
    if bare:
        # As training scripts leave it: wrapped, beside other things, in half precision.
        wrapped = {"epoch": 3, "name": "run", "state_dict": {"module." + k: v.half() for k, v in state.items()}}
        torch.save(wrapped, directory / "open_clip_pytorch_model.bin")
        model.load_state_dict({k: v.half().float() for k, v in state.items()})
    else:
        save_file({k: v.contiguous() for k, v in state.items()}, directory / "open_clip_model.safetensors")
    hf = CLIPTokenizer(vocab=vocab, merges=merges(), model_max_length=24)
    tokenizer_files(directory, hf, not bare)
    # open_clip's own tokenizer on the same merges.
    bpe = directory / "bpe.txt.gz"
    with gzip.open(bpe, "wb") as f:
        f.write(("\n".join(["#"] + [" ".join(m) for m in merges()])).encode())
    tokenizer = open_clip.tokenizer.SimpleTokenizer(str(bpe), context_length=24)
    bpe.unlink()
    texts = [t for t in TEXTS if "<|" not in t] + DIRTY_TEXTS
    ids = tokenizer(texts)
    transform = open_clip.transform.image_transform(image_size, is_train=False, mean=preprocess_cfg["mean"],
                                                    std=preprocess_cfg["std"])
    pixels = torch.stack([transform(p) for p in pictures()])
    with torch.no_grad():
        image = model.encode_image(pixels)
        sentence = model.encode_text(ids)
    write_json(directory / "expected.json", {
        "texts": texts, "ids": ids.tolist(), "image_embeddings": normalised(image),
        "text_embeddings": normalised(sentence), "logit_scale": float(model.logit_scale.detach().exp()),
        "pixels": [np.round(p.double().numpy().ravel(), 6).tolist() for p in pixels[:1]],
    })


def openai_vocabulary():
    """The whole vocabulary (from OpenAI's CLIP, MIT licence) with both libraries' ids."""
    directory = OUT / "openai_vocabulary"
    directory.mkdir(exist_ok=True)
    whole = merges(49152 - 256 - 2)
    (directory / "merges.txt").write_text("\n".join(["#version: 0.2"] + [" ".join(m) for m in whole]) + "\n")
    hf = CLIPTokenizer(vocab=vocabulary(whole), merges=whole, model_max_length=77)
    plain = [t for t in TEXTS if "<|" not in t]
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    write_json(directory / "expected.json", {
        "transformers": {"texts": TEXTS, "ids": hf(TEXTS, padding="max_length", truncation=True, max_length=77).input_ids},
        "open_clip": {"texts": plain + DIRTY_TEXTS, "ids": tokenizer(plain + DIRTY_TEXTS).tolist()},
    })


def resizes():
    """Windows cut out and resized as the thesis does: crop, then Pillow's bicubic."""
    picture = pictures()[1]
    cases = []
    for left, top, side, size in [(10, 20, 100, 32), (0, 0, 131, 64), (150, 81, 50, 224), (3, 5, 64, 64)]:
        window = picture.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)
        cases.append({"left": left, "top": top, "side": side, "size": size,
                      "sum": int(np.asarray(window, np.int64).sum())})
        window.save(OUT / "pictures" / f"window_{left}_{top}_{side}_{size}.png")
    # A window whose corners lie between pixels, as on a reduced level.
    left, top, side, size = 10.25, 20.5, 90.75, 32
    inner = picture.crop((10, 20, 101, 112))
    box = (left - 10, top - 20, left - 10 + side, top - 20 + side)
    inner.resize((size, size), Image.Resampling.BICUBIC, box=box).save(OUT / "pictures" / "window_between.png")
    cases.append({"left": left, "top": top, "side": side, "size": size})
    write_json(OUT / "pictures" / "windows.json", cases)


def main():
    torch.set_num_threads(1)
    (OUT / "pictures").mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures()):
        picture.save(OUT / "pictures" / f"{index}.png")
    resizes()
    openai_vocabulary()
    vision = dict(hidden_size=48, intermediate_size=100, num_hidden_layers=2, num_attention_heads=4)
    text = dict(hidden_size=32, intermediate_size=80, num_hidden_layers=3, num_attention_heads=2)
    hugging_face("hf_quick_gelu", 1, activation="quick_gelu", eos=None, vision=vision, text=text, projection=24)
    # eos_token_id 2: pooled at the highest id.
    hugging_face("hf_gelu_eos_2", 2, activation="gelu", eos=2, vision=vision, text=text, projection=24,
                 whole_tokenizer=False)
    hugging_face("hf_shards_bf16", 3, activation="gelu", eos=None, vision=vision | {"num_hidden_layers": 1},
                 text=text | {"num_hidden_layers": 1}, projection=20, dtype=torch.bfloat16, store="shards")
    hugging_face("hf_pytorch_fp16", 4, activation="quick_gelu", eos=2, vision=vision | {"num_hidden_layers": 1},
                 text=text | {"num_hidden_layers": 1}, projection=20, dtype=torch.float16, store="pytorch",
                 image_size=30, patch_size=7)
    openclip("open_clip_gelu", 5, quick_gelu=False)
    openclip("open_clip_bare_quick_gelu", 6, quick_gelu=True, bare=True)
    # ModifiedResNets: stages of several blocks, and a size whose last feature map leaves out a line.
    openclip("open_clip_resnet", 7, quick_gelu=False, image_size=64,
             vision={"layers": [1, 2, 1, 1], "width": 8, "head_width": 32, "patch_size": None})
    openclip("open_clip_bare_resnet", 8, quick_gelu=True, bare=True, image_size=48,
             vision={"layers": [1, 1, 2, 1], "width": 8, "head_width": 64, "patch_size": None})
    broken()


def broken():
    """Files that must be refused with a sentence."""
    directory = OUT / "broken"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    module = torch.jit.script(torch.nn.Linear(2, 2))
    torch.jit.save(module, directory / "torchscript.pt")


if __name__ == "__main__":
    main()
