#!/usr/bin/env bash
# Trains the second edition of weights/skysift-mini: more words, more kinds of places, and the ground from 0.3 to
# 10 m a pixel. A draft: what it gives hasn't been measured yet.
#
#     scripts/train-mini-second.sh EUROSAT_RGB UCM FOLDER
#
# EUROSAT_RGB holds EuroSAT's ten class folders, UCM the folders train and test with UC Merced's 21 classes, as for
# scripts/train-mini.sh. FOLDER is for everything in between; a training that was interrupted goes on there.
# The first edition's image tower is taken over. Its text tower can't be: the tokenizer's vocabulary has grown, and
# with it the table of its tokens. So texts begin with random weights, and first learn alone, or their errors would
# tear down what the image tower knows.
set -euo pipefail
cd "$(dirname "$0")/.."
eurosat=$(realpath "$1") ucm=$(realpath "$2")
mkdir -p "$3"
folder=$(realpath "$3")
mini=$PWD/weights/skysift-mini
names=$mini/names-second.json words=$mini/words-second.txt
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

[ -d "$folder/painted" ] || "$skysift" sample-scene --patches "$folder/painted" --count 400 --seed 2000 --rich
[ -d "$folder/painted-test" ] || "$skysift" sample-scene --patches "$folder/painted-test" --count 40 --seed 6000 --rich

# Every word of the names and the templates is one token.
[ -d "$folder/init" ] || "$skysift" random-model "$folder/init" --preset mini --words "$words" --seed 2

# UC Merced's pictures (0.3 m) are shrunk a lot; EuroSAT's (10 m) hardly, since nothing is looked for from further away;
# painted ones were seen from all distances already.
train() { # stage, model, and what differs
    local out=$folder/$1 model=$folder/$2
    shift 2
    local resume=()
    if [ -f "$out/checkpoint.safetensors" ]; then resume=(--resume); fi
    "$skysift" finetune "$folder/eurosat/train" "$ucm/train" "$folder/painted" --model "$model" --out "$out" \
        --names "$names" --templates "$mini/templates.txt" --batch 128 --val-split 0.03 --shares 3,3,4 \
        --optimizer adamw --weight-decay 0.05 --warmup 100 --device cpu "$@" "${resume[@]}"
}

train second1 init --image-tower "$mini" --freeze image --image-size 64 --epochs 2 --lr 1.5e-3 --crop 0.4
train second2 second1 --image-size 64 --epochs 6 --lr 1e-3 --crop 0.3 --seed 2 \
    --ground-scale 1.5,6,2 --blur 2.5 --haze 0.3 --season 0.2 --sensor 0.12
train second3 second2 --image-size 96 --epochs 8 --lr 7e-4 --crop 0.4 --jitter 0.2 --seed 3 \
    --ground-scale 1.5,6,2 --blur 2.5 --haze 0.25 --season 0.2 --sensor 0.1 --weights f16

for test in "$ucm/test" "$folder/eurosat/test" "$folder/painted-test"; do
    "$skysift" evaluate "$test" --model "$folder/second3" --names "$names" --templates "$mini/templates.txt"
done
# If it is better: copy open_clip_config.json, open_clip_model.safetensors, tokenizer.json and tokenizer_config.json of
# second3 to weights/skysift-mini, rename names-second.json and words-second.txt to names.json and words.txt, and write
# down in ground_sizes.json from where to where it sees.
