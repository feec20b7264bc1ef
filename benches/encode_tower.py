"""The image tower of a model directory in PyTorch, for the peers of `cargo bench --bench encode`."""

import json
import os

import torch
from transformers import CLIPVisionModelWithProjection, SiglipVisionModel


class Tower(torch.nn.Module):
    """Pictures to embeddings, for CLIP and SigLIP."""

    def __init__(self, directory: str, attention: str) -> None:
        super().__init__()
        with open(os.path.join(directory, "config.json")) as file:
            self.is_siglip = json.load(file)["model_type"] == "siglip"
        kind = SiglipVisionModel if self.is_siglip else CLIPVisionModelWithProjection
        self.model = kind.from_pretrained(directory, attn_implementation=attention).eval()
        self.config = self.model.config

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        answer = self.model(pixel_values=pixel_values)
        return answer.pooler_output if self.is_siglip else answer.image_embeds
