#!/usr/bin/env bash
# Trains weights/skysift-mini from random weights, as it was trained.
#
#     scripts/train-mini.sh EUROSAT_RGB UCM FOLDER
#
# EUROSAT_RGB holds EuroSAT's ten class folders (https://github.com/phelber/EuroSAT), UCM the folders train and test
# with UC Merced's 21 classes. FOLDER is for everything in between; a training that was interrupted goes on there.
# It takes about two and a half hours on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
eurosat=$(realpath "$1") ucm=$(realpath "$2")
mkdir -p "$3"
folder=$(realpath "$3")
mini=$PWD/weights/skysift-mini
cargo build --release --locked
skysift="${CARGO_TARGET_DIR:-target}/release/skysift"

# EuroSAT has no split of its own: every tenth image of a class, by sorted name, is for testing.
for class in "$eurosat"/*/; do
    class=$(basename "$class")
    mkdir -p "$folder/eurosat/train/$class" "$folder/eurosat/test/$class"
    index=0
    for image in $(ls "$eurosat/$class" | LC_ALL=C sort); do
        index=$((index + 1))
        split=train
        if ((index % 10 == 0)); then split=test; fi
        ln -sf "$eurosat/$class/$image" "$folder/eurosat/$split/$class/$image"
    done
done

[ -d "$folder/painted" ] || "$skysift" sample-scene --patches "$folder/painted" --count 300 --seed 1000

# Every word of the names and the templates is one token.
[ -d "$folder/init" ] || "$skysift" random-model "$folder/init" --preset mini --words "$mini/words.txt" --seed 1

train() { # stage, model, and what differs
    local out=$folder/$1 model=$folder/$2
    shift 2
    local resume=()
    if [ -f "$out/checkpoint.safetensors" ]; then resume=(--resume); fi
    "$skysift" finetune "$folder/eurosat/train" "$ucm/train" "$folder/painted" --model "$model" --out "$out" \
        --names "$mini/names.json" --templates "$mini/templates.txt" --batch 128 --val-split 0.03 \
        --optimizer adamw --weight-decay 0.05 --warmup 100 --device cpu "$@" "${resume[@]}"
}

# Small pictures first: two and a half times as many a second.
train stage1 init --image-size 64 --epochs 8 --lr 1.5e-3 --shares 3,3,2 --crop 0.3
train stage2 stage1 --image-size 96 --epochs 6 --lr 7e-4 --shares 3,3,2 --crop 0.3 --seed 2
# UC Merced's few images are known by now; EuroSAT's many are not.
train stage3 stage2 --image-size 96 --epochs 12 --lr 7e-4 --shares 6,2,2 --crop 0.4 --jitter 0.2 --seed 3 --weights f16

for file in open_clip_config.json open_clip_model.safetensors tokenizer.json tokenizer_config.json; do
    cp "$folder/stage3/$file" "$mini/$file"
done
for test in "$ucm/test" "$folder/eurosat/test"; do
    "$skysift" evaluate "$test" --model "$mini" --names "$mini/names.json" --templates "$mini/templates.txt"
done
