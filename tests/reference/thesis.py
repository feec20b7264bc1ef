"""Makes the reference for the thesis' case: a painted scene of 2826 x 1300 pixels and, for a small random
model, the top 100 windows that a slow, plain sliding window finds: cut the image into tiles, take a window of
tiles, encode it together with the sentence, keep the score, move on by one tile.

    python thesis.py MODEL_DIR OUT_DIR

writes OUT_DIR/scene.png and OUT_DIR/top100.json. Needs numpy, Pillow, torch and transformers.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizerFast

WIDTH, HEIGHT = 2826, 1300
TILE, WINDOW = 128, 4
KEYWORD = "harbor"


def paint_scene(path):
    """Flat shapes, so that the file stays small, of many sizes and colours, so that every window differs."""
    random = np.random.default_rng(7)
    image = Image.new("RGB", (WIDTH, HEIGHT), (30, 60, 90))
    draw = ImageDraw.Draw(image)
    for _ in range(260):
        x, y = random.integers(0, WIDTH), random.integers(0, HEIGHT)
        width, height = random.integers(8, 420, size=2)
        color = tuple(int(value) for value in random.integers(0, 256, size=3))
        shape = draw.rectangle if random.random() < 0.6 else draw.ellipse
        shape([x, y, x + width, y + height], fill=color)
    image.quantize(64).convert("RGB").quantize(64).save(path, optimize=True)


def scan(model_dir, scene):
    model = CLIPModel.from_pretrained(model_dir).eval()
    tokenizer = CLIPTokenizerFast.from_pretrained(model_dir)
    processor = CLIPImageProcessorPil.from_pretrained(model_dir)
    text = tokenizer([f"a photo of a {KEYWORD}"], padding="max_length",
                     max_length=model.config.text_config.max_position_embeddings, return_tensors="pt")
    x_steps = (scene.width - WINDOW * TILE) // TILE + 1
    y_steps = (scene.height - WINDOW * TILE) // TILE + 1
    scores = []
    for row in range(y_steps):
        for column in range(x_steps):
            x, y = column * TILE, row * TILE
            crop = scene.crop((x, y, x + WINDOW * TILE, y + WINDOW * TILE))
            pixels = processor(images=crop, return_tensors="pt")
            with torch.no_grad():
                out = model(input_ids=text.input_ids, attention_mask=text.attention_mask, **pixels)
            cosine = (out.image_embeds @ out.text_embeds.T).item()
            scores.append({"x": x, "y": y, "cosine": cosine})
    return scores


def main():
    model_dir, out_dir = Path(sys.argv[1]), Path(sys.argv[2])
    out_dir.mkdir(parents=True, exist_ok=True)
    paint_scene(out_dir / "scene.png")
    scores = scan(model_dir, Image.open(out_dir / "scene.png").convert("RGB"))
    # Python's sort is stable: ties stay in grid order.
    top = sorted(scores, key=lambda score: -score["cosine"])[:100]
    gaps = [a["cosine"] - b["cosine"] for a, b in zip(top, top[1:])]
    print(f"{len(scores)} windows, smallest gap in the top 100: {min(gaps):.2e}")
    result = {"keyword": KEYWORD, "windows": len(scores), "top": top}
    (out_dir / "top100.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
