#!/usr/bin/env bash
# Trains weights/skysift-sharpen, the network that --sharpen enlarges small windows with, and measures what it is good
# for: zero-shot accuracy on shrunk pictures, enlarged by bicubic and by the network.
#
#     scripts/train-sharpener.sh UCM [MODEL]
#
# UCM holds the folders train and test with UC Merced's 21 classes; MODEL is skysift-mini unless another is named. The
# network is written where `--sharpen` without a file looks for it.
set -euo pipefail
cd "$(dirname "$0")/.."
ucm=$(realpath "$1")
mini=$PWD/weights/skysift-mini
model=${2:-$mini}
network=$PWD/weights/skysift-sharpen/skysift-sharpen-x4.safetensors
cargo build --release --locked
skysift="${CARGO_TARGET_DIR:-target}/release/skysift"

"$skysift" train-sharpener "$ucm/train" --scale 4 --seed 1 --out "$network"
for side in 128 64 32; do
    for sharpen in "" "--sharpen=$network"; do
        echo "== shrunk to $side pixels ${sharpen:+, sharpened}"
        "$skysift" evaluate "$ucm/test" --model "$model" --names "$mini/names.json" \
            --templates "$mini/templates.txt" --shrink "$side" ${sharpen:+"$sharpen"} | grep "^zero-shot"
    done
done
