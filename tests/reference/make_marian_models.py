"""Writes two Marian models of random weights into FOLDER/there and FOLDER/back, to try scripts/back_translate.py with.

Needs torch, transformers and sentencepiece. Called by tests/skysift/back_translate.rs, which keeps nothing of it.
"""

import json
import sys
from pathlib import Path

import sentencepiece
import torch
from transformers import MarianConfig, MarianMTModel

SENTENCES = [
    "many green trees are in a piece of forest",
    "the open sea with some waves from above",
    "cars are parked in rows beside a road",
    "a white airplane is near several buildings",
]


def write(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_prefix=str(folder / "source"),
        vocab_size=40,
        character_coverage=1.0,
        minloglevel=2,
    )
    (folder / "target.spm").write_bytes((folder / "source.model").read_bytes())
    (folder / "source.model").rename(folder / "source.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    words = [pieces.id_to_piece(index) for index in range(pieces.get_piece_size())]
    # Marian's own order: end, unknown, pieces, padding.
    vocabulary = ["</s>", "<unk>", *(word for word in words if word not in ("<s>", "</s>", "<unk>")), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(vocabulary)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"source_lang": "en", "target_lang": "xx"}))
    padding = len(vocabulary) - 1
    torch.manual_seed(seed)
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=128,
        init_std=1.0,
        pad_token_id=padding,
        decoder_start_token_id=padding,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)


write(Path(sys.argv[1]) / "there", 1)
write(Path(sys.argv[1]) / "back", 2)
