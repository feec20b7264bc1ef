#!/usr/bin/env python3
"""Says captions in other words by translating them into another language and back.

    scripts/back_translate.py captions.jsonl --there opus-mt-en-fr --back opus-mt-fr-en --out paraphrases.jsonl
    skysift finetune captions.jsonl --paraphrases paraphrases.jsonl ...

Needs torch, transformers and sentencepiece, and two folders with Marian models (Junczys-Dowmunt et al., 2018), such as
Helsinki-NLP's opus-mt; nothing is downloaded. CAPTIONS is JSON lines, JSON with a list of images, or the form of
Karpathy's splits (dataset_rsicd.json#train), as `skysift finetune` reads them; so is what is written: a line an image.
Images are looked for beside the file that names them, so --out belongs beside CAPTIONS.

A run that was interrupted goes on where it stopped and gives what it would have given: chance depends on the seed and
the name of the image alone.
"""

import argparse
import json
import os
import sys
import time
import zlib

# Before transformers is imported.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# As src/dataset/table.rs has them.
NAME_KEYS = ("filename", "image", "filepath", "file_name", "path")
CAPTION_KEYS = ("captions", "caption", "title", "text")
# Tokens of a translation; captions are sentences.
LONGEST = 128
# Seconds between two lines of progress where there is no terminal.
LINE_EVERY = 30


class Trouble(Exception):
    """What a person can mend, in a sentence."""


def main():
    args = arguments()
    try:
        images = read_captions(args.captions)
        if os.path.exists(args.out) and os.path.samefile(args.out, args.captions.rpartition("#")[0] or args.captions):
            raise Trouble(f"--out would replace {args.out}, which is read; name another file")
        done = finished(args.out)
        waiting = [(name, captions) for name, captions in images.items() if name not in done]
        if waiting:
            there, back = Translator(args.there), Translator(args.back)
            write(args, waiting, len(images), lambda name, captions: paraphrases(args, there, back, name, captions))
        say(f"{args.out}: paraphrases for {len(images)} images")
    except Trouble as trouble:
        sys.exit(f"back_translate.py: {trouble}")
    except OSError as error:
        sys.exit(f"back_translate.py: {error.filename or args.out}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit("back_translate.py: interrupted; the same command goes on from here")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    def number(least):
        return lambda text: at_least(least, text)

    parser.add_argument("captions", metavar="CAPTIONS", help="captions, in JSON lines or JSON; #SPLIT takes one split")
    parser.add_argument("--there", required=True, metavar="FOLDER", help="the model from the captions' language")
    parser.add_argument("--back", required=True, metavar="FOLDER", help="the model back into it")
    parser.add_argument("--out", required=True, metavar="FILE.jsonl", help="where paraphrases go; goes on with it")
    parser.add_argument("--each", type=number(1), default=3, metavar="N", help="translations of a caption [3]")
    parser.add_argument("--top-p", type=float, default=0.95, metavar="P",
                        help="draw from the likeliest tokens that are as likely together [0.95]")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="T", help="higher strays further [1.0]")
    parser.add_argument("--seed", type=number(0), default=0, metavar="N", help="the same seed gives the same file [0]")
    args = parser.parse_args()
    if not 0 < args.top_p <= 1 or not args.temperature > 0:
        parser.error("--top-p must be above 0 and at most 1, --temperature above 0")
    return args


def at_least(least, text):
    if int(text) < least:
        raise argparse.ArgumentTypeError(f"it must be {least} at least")
    return int(text)


def read_captions(path):
    """The captions of each image, in the order of the file."""
    file, split = path, None
    if not os.path.exists(path) and "#" in path:
        file, _, split = path.rpartition("#")
    try:
        with open(file, encoding="utf-8-sig") as opened:
            text = opened.read()
    except UnicodeDecodeError:
        raise Trouble(f"{file} isn't UTF-8 text") from None
    images = {}
    for record in records(file, text):
        if split is not None and record.get("split") != split:
            continue
        name, captions = of_record(file, record)
        known = images.setdefault(name, [])
        known.extend(caption for caption in captions if caption not in known)
    if not images:
        raise Trouble(f"{path} names no image" + (" of that split" if split else ""))
    return images


def records(file, text):
    try:
        document = json.loads(text)
    except ValueError:
        return json_lines(file, text)
    # A single line is a document, too.
    if isinstance(document, dict) and "images" not in document:
        document = [document]
    listed = document.get("images") if isinstance(document, dict) else document
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise Trouble(f"{file} holds neither a list of images nor an object with a list \"images\"")
    return listed


def json_lines(file, text):
    parsed = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                parsed.append(json.loads(line))
            except ValueError as error:
                raise Trouble(f"{file}, line {number}: it is not JSON ({error})") from None
            if not isinstance(parsed[-1], dict):
                raise Trouble(f"{file}, line {number}: it is no object with a name and captions")
    return parsed


def of_record(file, record):
    """The name of an image and its captions."""
    name = next((record[key] for key in NAME_KEYS if isinstance(record.get(key), str)), None)
    if name is None:
        raise Trouble(f"{file}: there is no \"filename\" in {json.dumps(record)[:80]}")
    if isinstance(record.get("sentences"), list):
        said = [sentence.get("raw") for sentence in record["sentences"] if isinstance(sentence, dict)]
    else:
        said = next((record[key] for key in CAPTION_KEYS if key in record), None) or []
        said = [said] if isinstance(said, str) else said
    if not isinstance(said, list) or not all(isinstance(caption, str) for caption in said):
        raise Trouble(f"{file}: the captions of {name} are neither a text nor a list of texts")
    return name, [caption.strip() for caption in said if caption.strip()]


def finished(path):
    """The images that an earlier run has done. Half a line at the end, which a kill leaves, is cut off."""
    if not os.path.exists(path):
        return set()
    with open(path, "rb+") as file:
        content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            done = {of_record(path, record)[0] for record in json_lines(path, whole.decode())}
        except (UnicodeDecodeError, Trouble):
            raise Trouble(f"{path} is there already and isn't what this script writes; name another file") from None
        file.truncate(len(whole))
    return done


class Translator:
    """A Marian model and its tokenizer, from a folder."""

    def __init__(self, folder):
        if not os.path.isfile(os.path.join(folder, "config.json")):
            raise Trouble(f"{folder} is no folder with a model: it has no config.json")
        try:
            import torch
            from transformers import MarianMTModel, MarianTokenizer, logging
        except ImportError as error:
            raise Trouble(f"{error}; install torch, transformers and sentencepiece") from None
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            self.tokenizer = MarianTokenizer.from_pretrained(folder, local_files_only=True)
            self.model = MarianMTModel.from_pretrained(folder, local_files_only=True).eval()
        except Exception as error:  # Whatever they raise, the folder is to blame.
            raise Trouble(f"{folder} cannot be loaded as a Marian model: {str(error).splitlines()[0]}") from None
        self.torch = torch
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")

    def translate(self, sentences, seed=None, **how):
        tokens = self.tokenizer(sentences, return_tensors="pt", padding=True, truncation=True, max_length=LONGEST)
        if seed is not None:
            self.torch.manual_seed(seed)
        with self.torch.inference_mode():
            made = self.model.generate(**tokens.to(self.model.device), max_length=LONGEST, **how)
        return self.tokenizer.batch_decode(made, skip_special_tokens=True)


def paraphrases(args, there, back, name, captions):
    """Sentences that are none of an image's captions, each once. Only the way there strays: what comes back is the
    likeliest translation, so that it says what was said."""
    if not captions:
        return []
    seed = zlib.crc32(f"{args.seed} {name}".encode())
    abroad = there.translate(captions, seed, do_sample=True, num_beams=1, num_return_sequences=args.each,
                             top_p=args.top_p, top_k=0, temperature=args.temperature)
    abroad = [sentence for sentence in dict.fromkeys(abroad) if sentence.strip()]
    if not abroad:
        return []
    known = {words(caption) for caption in captions} | {""}
    said = []
    for sentence in back.translate(abroad, do_sample=False, num_beams=4):
        if words(sentence) not in known:
            known.add(words(sentence))
            said.append(" ".join(sentence.split()))
    return said


def words(sentence):
    """What makes two sentences the same: their letters and digits."""
    spaced = "".join(letter if letter.isalnum() else " " for letter in sentence.casefold())
    return " ".join(spaced.split())


def write(args, waiting, total, paraphrase):
    first = total - len(waiting)
    if first:
        say(f"going on after {first} of {total} images")
    started = told = time.monotonic()
    with open(args.out, "a", encoding="utf-8") as out:
        for count, (name, captions) in enumerate(waiting, 1):
            line = {"filename": name, "captions": paraphrase(name, captions)}
            # In one piece and at once: a kill loses at most this image.
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            out.flush()
            now = time.monotonic()
            if sys.stderr.isatty() or now - told >= LINE_EVERY:
                told = now
                left = (now - started) / count * (len(waiting) - count) / 60
                end = "\r" if sys.stderr.isatty() else "\n"
                say(f"{first + count} of {total} images, {left:.0f} minutes left ", end)


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
