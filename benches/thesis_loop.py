"""The peer of `cargo bench --bench scan`: the thesis' own loop. One window at a time is cut out, preprocessed and
put through the model together with the sentence, which is tokenized and encoded anew for every window.

Usage: thesis_loop.py MODEL_DIRECTORY IMAGE KEYWORD TILE WINDOW THREADS

Answers each line of the input with one line: the seconds that it took, and the seconds of processor time. A line
is a number of windows, counted from the top left, and how the sentence is padded: `max_length`, to the length of
the model's context, or `longest`, not at all, which is faster. What it says first ends with the seconds that
imports and loading took.
"""

import time

STARTED = time.perf_counter()

import sys  # noqa: E402
import warnings  # noqa: E402

import torch  # noqa: E402
import transformers  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizerFast  # noqa: E402

warnings.filterwarnings("ignore")


def main() -> None:
    directory, path, keyword = sys.argv[1:4]
    tile, window, threads = map(int, sys.argv[4:7])
    torch.set_num_threads(threads)
    model = CLIPModel.from_pretrained(directory).eval()
    tokenizer = CLIPTokenizerFast.from_pretrained(directory)
    processor = CLIPImageProcessorPil.from_pretrained(directory)
    context = model.config.text_config.max_position_embeddings
    image = Image.open(path).convert("RGB")
    seconds = time.perf_counter() - STARTED
    print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}, {seconds}", flush=True)

    side = tile * window
    columns = (image.width - side) // tile + 1
    rows = (image.height - side) // tile + 1
    places = [(x * tile, y * tile) for y in range(rows) for x in range(columns)]
    for line in sys.stdin:
        count, padding = line.split()
        wall, cpu = time.perf_counter(), time.process_time()
        scores = []
        for x, y in places[: int(count)]:
            crop = image.crop((x, y, x + side, y + side))
            inputs = processor(images=crop, return_tensors="pt")
            inputs |= tokenizer([f"a photo of a {keyword}"], padding=padding, max_length=context, return_tensors="pt")
            with torch.no_grad():
                scores.append(model(**inputs).logits_per_image.item())
        scores.sort(reverse=True)
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)


main()
