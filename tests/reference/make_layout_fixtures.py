"""Makes more of tests/reference/clip: the layouts beyond plain CLIP (Long-CLIP, SigLIP by transformers and by open_clip
with timm, heads of width 80, files of training scripts, old configurations and tokenizers), each with what its authors'
code computes.

    python3 -m venv venv && venv/bin/pip install torch transformers open_clip_torch timm sentencepiece protobuf \
        pillow==11.3.0
    venv/bin/python tests/reference/make_layout_fixtures.py

Pillow before version 13, which resizes some tall pictures by rows first and so comes out a few levels elsewhere.
Models as small as make_clip_fixtures.py's, whose helpers it takes; seeded in the same way.
"""

import argparse
import gzip
import json
import shutil
import tempfile

import numpy as np
import open_clip
import sentencepiece
import torch
from safetensors.torch import save_file
from timm.models import register_model
from timm.models.vision_transformer import _create_vision_transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    SiglipTokenizer,
)
from transformers.convert_slow_tokenizer import SpmConverter
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

from make_clip_fixtures import DIRTY_TEXTS, OUT, TEXTS, merges, normalised, pictures, shake, vocabulary, write_json

# Without what a tokenizer of SigLIP takes for a token of its own, and a text that has several equally good segmentations.
PLAIN = [t for t in TEXTS if "<|" not in t and t.strip() and not t.startswith("xxx")]


def fresh(name):
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def expect(directory, texts, ids, image, sentence, model, pixels):
    scale = getattr(model, "logit_scale").detach().exp()
    expected = {
        "texts": texts, "ids": ids.tolist(), "image_embeddings": normalised(image),
        "text_embeddings": normalised(sentence), "logit_scale": float(scale),
        "pixels": [np.round(p.double().numpy().ravel(), 6).tolist() for p in pixels[:1]],
    }
    if getattr(model, "logit_bias", None) is not None:
        bias = float(model.logit_bias.detach())
        expected["logit_bias"] = bias
        logits = torch.nn.functional.normalize(image) @ torch.nn.functional.normalize(sentence).T * scale + bias
        expected["probabilities"] = torch.sigmoid(logits).double().numpy().round(7).tolist()
    write_json(directory / "expected.json", expected)


def pooled(output):
    return getattr(output, "pooler_output", output)


# CLIP by transformers ------------------------------------------------------------------------------------------------


def old_hugging_face():
    """A repository as transformers 4.6 left it: null sections, positions stored as integers, no activation written, a
    tokenizer.json of that age, an image processor that resizes to more than it cuts out; FLAX's file beside it."""
    directory = fresh("hf_old")
    torch.manual_seed(21)
    vocab = vocabulary(merges())
    end = vocab["<|endoftext|>"]
    vision = dict(hidden_size=48, intermediate_size=100, num_hidden_layers=2, num_attention_heads=4, image_size=32,
                  patch_size=8)
    text = dict(hidden_size=32, intermediate_size=80, num_hidden_layers=2, num_attention_heads=2, vocab_size=len(vocab),
                max_position_embeddings=24)
    model = CLIPModel(CLIPConfig(projection_dim=24, vision_config=vision,
                                 text_config=text | dict(bos_token_id=0, eos_token_id=2))).eval()
    shake(model)
    state = {k: v.half() for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.float() for k, v in state.items()})
    state["text_model.embeddings.position_ids"] = torch.arange(24)[None]
    state["vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    torch.save(state, directory / "pytorch_model.bin")
    write_json(directory / "config.json", {
        "architectures": ["CLIPModel"], "initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
        "model_type": "clip", "projection_dim": 24, "text_config_dict": None, "vision_config_dict": None,
        "text_config": text | {"eos_token_id": 2, "bos_token_id": 0, "prefix": None}, "vision_config": vision})
    (directory / "flax_model.msgpack").write_bytes(b"\x80")
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges(), model_max_length=24)
    tokenizer.save_pretrained(directory)
    path = directory / "tokenizer.json"
    whole = json.loads(path.read_text())
    # As its converter wrote them then: no pattern that splits words, merges as strings.
    whole["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    whole["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False}
    whole["model"]["merges"] = [" ".join(m) for m in whole["model"]["merges"]]
    path.write_text(json.dumps(whole, ensure_ascii=False))
    processor = CLIPImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}, resample=2)
    write_json(directory / "processor_config.json", {
        "processor_class": "CLIPProcessor", "image_processor": {
            "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 40},
            "crop_size": 32, "resample": 2, "do_center_crop": True, "image_mean": list(processor.image_mean),
            "image_std": list(processor.image_std)}})
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=24, return_tensors="pt").input_ids
    pixels = processor(pictures(), return_tensors="pt").pixel_values
    with torch.no_grad():
        image, sentence = pooled(model.get_image_features(pixels)), pooled(model.get_text_features(ids))
    expect(directory, TEXTS, ids, image, sentence, model, pixels)


# CLIP by open_clip ---------------------------------------------------------------------------------------------------


def openai_ids(texts, context_length):
    return open_clip.tokenizer.SimpleTokenizer(context_length=context_length)(texts)


def small_ids(texts, context_length):
    with tempfile.NamedTemporaryFile(suffix=".txt.gz") as file:
        file.write(gzip.compress("\n".join(["#"] + [" ".join(m) for m in merges()]).encode()))
        file.flush()
        return open_clip.tokenizer.SimpleTokenizer(file.name, context_length=context_length)(texts)


def tiny_text(**more):
    return {"context_length": 24, "vocab_size": 49408, "width": 4, "heads": 2, "layers": 2} | more


def heads_of_80():
    """As ViT-H-14: heads of 80, plain GELU, here in bfloat16 and deep inside a checkpoint with an optimiser, arguments
    and a moving average."""
    directory = fresh("open_clip_heads_80")
    torch.manual_seed(22)
    cfg = {"embed_dim": 16, "quick_gelu": False,
           "vision_cfg": {"image_size": 28, "layers": 1, "width": 160, "head_width": 80, "mlp_ratio": 1.0,
                          "patch_size": 14},
           "text_cfg": tiny_text(vocab_size=len(vocabulary(merges())), width=16)}
    model = open_clip.model.CLIP(**cfg).eval()
    shake(model)
    state = {k: v.bfloat16() for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.float() for k, v in state.items()})
    average = {"module." + k: torch.zeros(1) for k in ["visual.conv1.weight", "logit_scale"]}
    wrapped = {"model": {"module." + k: v for k, v in state.items()}, "ema": average, "epoch": 7,
               "args": argparse.Namespace(lr=1e-4, model="tiny"),
               "optimizer": {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2)}}, "param_groups": []}}
    write_json(directory / "open_clip_config.json", {"model_cfg": cfg})
    torch.save(wrapped, directory / "open_clip_pytorch_model.bin")
    lines = ["#version: 0.2"] + [" ".join(m) for m in merges()]
    (directory / "merges.txt").write_text("\n".join(lines) + "\n")
    finish_open_clip(directory, model, 28, 24, small_ids)


def finish_open_clip(directory, model, image_size, context_length, tokens=openai_ids):
    texts = [t for t in TEXTS if "<|" not in t] + DIRTY_TEXTS
    ids = tokens(texts, context_length)
    transform = open_clip.transform.image_transform(image_size, is_train=False)
    pixels = torch.stack([transform(p) for p in pictures()])
    with torch.no_grad():
        image, sentence = model.encode_image(pixels), model.encode_text(ids)
    expect(directory, texts, ids, image, sentence, model, pixels)


def long_clip():
    """Long-CLIP's rule (Zhang et al., 2024): of 248 positions the first 20 come from one table, the others from another;
    always QuickGELU. With OpenAI's vocabulary and no tokenizer beside it, as published."""
    directory = fresh("long_clip")
    torch.manual_seed(23)
    cfg = {"embed_dim": 16, "quick_gelu": True,
           "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
           "text_cfg": tiny_text(context_length=248)}
    model = open_clip.model.CLIP(**cfg).eval()
    shake(model)
    first, rest = torch.randn(248, 4), torch.randn(248, 4)
    model.positional_embedding.data = torch.cat([first[:20], rest[20:]])
    state = {k: v.half() for k, v in model.state_dict().items()}
    model.load_state_dict({k: v.float() for k, v in state.items()})
    state |= {"positional_embedding": first.half(), "positional_embedding_res": rest.half()}
    write_json(directory / "open_clip_config.json", {"model_cfg": cfg})
    torch.save(state, directory / "open_clip_pytorch_model.bin")
    finish_open_clip(directory, model, 32, 248)


# SigLIP --------------------------------------------------------------------------------------------------------------


def corpus():
    words = " ".join(PLAIN).split() + ["harbor", "forest", "airport", "storage", "tanks", "image", "of", "a", "the"] * 20
    rng = np.random.default_rng(3)
    return [" ".join(rng.choice(words, 8)) for _ in range(400)]


def pieces(directory, size=400, rule="nmt_nfkc"):
    """A SentencePiece unigram model with the special tokens of SigLIP's (big_vision's c4_en)."""
    text = directory / "corpus.txt"
    lines = [line.lower() for line in corpus()]
    text.write_text("\n".join(lines) + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(directory / "spiece"), vocab_size=size, model_type="unigram", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, hard_vocab_limit=False, character_coverage=1.0, minloglevel=2,
        normalization_rule_name=rule)
    text.unlink()
    (directory / "spiece.vocab").unlink()
    return SiglipTokenizer(str(directory / "spiece.model"), model_max_length=16)


def siglip_model(seed, vocab_size, *, image_size=32, patch_size=8, projection=None):
    torch.manual_seed(seed)
    tower = dict(hidden_size=48, intermediate_size=100, num_hidden_layers=2, num_attention_heads=4)
    config = SiglipConfig(
        vision_config=tower | dict(image_size=image_size, patch_size=patch_size),
        text_config=tower | dict(hidden_size=32, num_attention_heads=2, vocab_size=vocab_size, max_position_embeddings=16,
                                 projection_size=48))
    model = SiglipModel(config).eval()
    shake(model)
    with torch.no_grad():
        model.logit_scale.fill_(float(np.log(31.7)))
        model.logit_bias.fill_(-4.5)
    return model


def siglip():
    """The first SigLIP as transformers saves it, with SentencePiece's file alone; a patch that doesn't divide the size."""
    directory = fresh("siglip")
    tokenizer = pieces(directory)
    model = siglip_model(24, len(tokenizer), image_size=30, patch_size=7)
    model.to(torch.bfloat16).save_pretrained(directory)
    model = model.float()
    tokenizer.save_pretrained(directory)
    for name in ["special_tokens_map.json", "added_tokens.json", "tokenizer.json"]:
        (directory / name).unlink(missing_ok=True)
    processor = SiglipImageProcessorPil(size={"height": 30, "width": 30}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    processor.save_pretrained(directory)
    finish_siglip(directory, model, tokenizer, processor, PLAIN)


def gemma(size=600):
    """A byte-pair tokenizer with Gemma's steps and special tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    bytes_ = [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special + bytes_)
    tokenizer.train_from_iterator([line.lower() for line in corpus()], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(m) for m in model["merges"]]


def siglip2():
    """SigLIP 2 of fixed size: the same model with Gemma's tokenizer, padded after the text, as published."""
    directory = fresh("siglip2")
    vocab, merge_list = gemma()
    tokenizer = Siglip2Tokenizer(vocab=vocab, merges=merge_list, model_max_length=16, padding_side="right",
                                 add_eos_token=True)
    tokenizer.save_pretrained(directory)
    model = siglip_model(25, len(tokenizer))
    model.to(torch.float16).save_pretrained(directory)
    model = model.float()
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32}, image_mean=[0.5] * 3, image_std=[0.5] * 3,
                                        resample=2)
    processor.save_pretrained(directory)
    # Its padding is the tokenizer's, its end token that of the post-processor of the published file.
    end, pad = vocab["<eos>"], vocab["<pad>"]
    texts = [t for t in PLAIN]
    rows = []
    for text in texts:
        ids = [i for i in tokenizer(text, add_special_tokens=False).input_ids][:15] + [end]
        rows.append(ids + [pad] * (16 - len(ids)))
    finish_siglip(directory, model, None, processor, texts, torch.tensor(rows))


def finish_siglip(directory, model, tokenizer, processor, texts, ids=None):
    if ids is None:
        ids = tokenizer(texts, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids
    pixels = processor(pictures(), return_tensors="pt").pixel_values
    with torch.no_grad():
        image, sentence = pooled(model.get_image_features(pixel_values=pixels)), pooled(model.get_text_features(input_ids=ids))
    expect(directory, texts, ids, image, sentence, model, pixels)


@register_model
def vit_tiny_patch8_siglip_32(pretrained=False, **kwargs):
    args = dict(patch_size=8, embed_dim=128, depth=1, num_heads=2, mlp_ratio=1.0, img_size=32, class_token=False,
                global_pool="map")
    return _create_vision_transformer("vit_tiny_patch8_siglip_32", pretrained=pretrained, **dict(args, **kwargs))


def siglip_timm():
    """SigLIP as open_clip saves it: timm's image tower (exact GELU), a text tower with the approximate one, texts cleaned
    by open_clip."""
    directory = fresh("siglip_open_clip")
    tokenizer = pieces(directory, rule="identity")
    SpmConverter(tokenizer).converted().save(str(directory / "tokenizer.json"))
    torch.manual_seed(26)
    cfg = {
        "embed_dim": 128, "init_logit_bias": -10, "custom_text": True,
        "vision_cfg": {"image_size": 32, "timm_model_name": "vit_tiny_patch8_siglip_32", "timm_model_pretrained": False,
                       "timm_pool": "map", "timm_proj": "none"},
        "text_cfg": {"context_length": 16, "vocab_size": len(tokenizer), "hf_tokenizer_name": "timm/ViT-B-16-SigLIP2",
                     "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 32, "heads": 2, "layers": 2,
                     "no_causal_mask": True, "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6},
                     "act_kwargs": {"approximate": "tanh"}},
    }
    arguments = {k: v for k, v in cfg.items() if k != "custom_text"}
    model = open_clip.model.CustomTextCLIP(**arguments).eval()
    shake(model)
    with torch.no_grad():
        model.logit_bias.fill_(-4.5)
    preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash",
                  "size": [32, 32], "mode": "RGB"}
    write_json(directory / "open_clip_config.json", {"model_cfg": cfg, "preprocess_cfg": preprocess})
    tokenizer_config = {"pad_token": "</s>", "eos_token": "</s>", "model_max_length": 16}
    write_json(directory / "tokenizer_config.json", tokenizer_config)
    state = {k: v.contiguous().half() for k, v in model.state_dict().items()}
    save_file(state, directory / "open_clip_model.safetensors")
    model.load_state_dict({k: v.float() for k, v in state.items()})
    texts = PLAIN + DIRTY_TEXTS[1:]
    clean = open_clip.tokenizer.get_clean_fn("canonicalize")
    cleaned = [clean(text) for text in texts]
    ids = tokenizer(cleaned, padding="max_length", truncation=True, max_length=16, return_tensors="pt").input_ids
    transform = open_clip.transform.image_transform(32, is_train=False, mean=[0.5] * 3, std=[0.5] * 3, resize_mode="squash",
                                                    interpolation="bicubic")
    pixels = torch.stack([transform(p) for p in pictures()])
    with torch.no_grad():
        image, sentence = model.encode_image(pixels), model.encode_text(ids)
    expect(directory, texts, ids, image, sentence, model, pixels)
    (directory / "spiece.model").unlink()


def main():
    torch.set_num_threads(1)
    old_hugging_face()
    heads_of_80()
    long_clip()
    siglip()
    siglip2()
    siglip_timm()
    for path in OUT.rglob("*.safetensors"):
        path.chmod(0o644)


if __name__ == "__main__":
    main()
