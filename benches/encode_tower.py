"""The image tower of a model directory in PyTorch, for the peers of `cargo bench --bench encode`."""

import json
import os
from types import SimpleNamespace

import torch
from transformers import CLIPVisionModelWithProjection, SiglipVisionModel


def open_clip_resnet(directory: str) -> torch.nn.Module:
    """The image tower of a ResNet in open_clip's layout."""
    from open_clip.modified_resnet import ModifiedResNet
    from safetensors.torch import load_file

    with open(os.path.join(directory, "open_clip_config.json")) as file:
        config = json.load(file)["model_cfg"]
    vision, prefix = config["vision_cfg"], "visual."
    model = ModifiedResNet(
        layers=vision["layers"],
        output_dim=config["embed_dim"],
        heads=vision["width"] * 32 // 64,
        image_size=vision["image_size"],
        width=vision["width"],
    )
    weights = load_file(os.path.join(directory, "open_clip_model.safetensors"))
    tower = {name[len(prefix) :]: tensor for name, tensor in weights.items() if name.startswith(prefix)}
    model.load_state_dict(tower)
    return model.float().eval()


class Tower(torch.nn.Module):
    """Pictures to embeddings, for CLIP and SigLIP."""

    def __init__(self, directory: str, attention: str) -> None:
        super().__init__()
        self.pooled = "image_embeds"
        if os.path.exists(os.path.join(directory, "open_clip_config.json")):
            self.model, self.pooled = open_clip_resnet(directory), None
            self.config = SimpleNamespace(image_size=self.model.image_size)
            return
        with open(os.path.join(directory, "config.json")) as file:
            if json.load(file)["model_type"] == "siglip":
                kind, self.pooled = SiglipVisionModel, "pooler_output"
            else:
                kind = CLIPVisionModelWithProjection
        self.model = kind.from_pretrained(directory, attn_implementation=attention).eval()
        self.config = self.model.config

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        if self.pooled is None:
            return self.model(pixel_values)
        return self.model(pixel_values=pixel_values)[self.pooled]
