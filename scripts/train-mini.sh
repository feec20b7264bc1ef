#!/usr/bin/env bash
# Trains weights/skysift-mini from random weights, as it was trained.
#
#     scripts/train-mini.sh EUROSAT_RGB UCM FOLDER
#
# EUROSAT_RGB holds EuroSAT's ten class folders (https://github.com/phelber/EuroSAT), UCM the folders train and test
# with UC Merced's 21 classes. FOLDER is for everything in between; a training that was interrupted goes on there.
# It takes about four and a half hours on two cores: two and a half for the first edition, which learns what is
# near and sharp by 113 words, two for the second, which learns more words, more kinds of places and the ground from further
# away.
#
# What ships was trained so, but for what has changed since: the second edition's first three stages saw 250 patches of
# each of 37 kinds instead of 220 of 45, knew their words alone, and took pictures of classes with a word in common for
# one class.
set -euo pipefail
cd "$(dirname "$0")/.."
eurosat=$(realpath "$1") ucm=$(realpath "$2")
mkdir -p "$3"
folder=$(realpath "$3")
mini=$PWD/weights/skysift-mini first=$PWD/scripts/mini-first-edition
# Beside the words that tell classes apart, those that are true of several.
shared=$PWD/scripts/mini-training/names.json
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

near=$folder/painted-near rich=$folder/painted-rich
[ -d "$near" ] || "$skysift" sample-scene --patches "$near" --count 300 --seed 1000
[ -d "$rich" ] || "$skysift" sample-scene --patches "$rich" --count 220 --seed 2000 --rich

# Every word of the names and the templates is one token.
[ -d "$folder/init1" ] || "$skysift" random-model "$folder/init1" --preset mini --words "$first/words.txt" --seed 1
[ -d "$folder/init2" ] || "$skysift" random-model "$folder/init2" --preset mini --words "$mini/words.txt" --seed 2
[ -d "$folder/init3" ] || "$skysift" random-model "$folder/init3" --preset mini --words "$mini/words.txt" --seed 3

train() { # stage, model, painted patches, names, and what differs
    local out=$folder/$1 model=$folder/$2 painted=$3 names=$4
    shift 4
    local resume=()
    if [ -f "$out/checkpoint.safetensors" ]; then resume=(--resume); fi
    "$skysift" finetune "$folder/eurosat/train" "$ucm/train" "$painted" --model "$model" --out "$out" \
        --names "$names" --templates "$mini/templates.txt" --batch 128 --val-split 0.03 \
        --optimizer adamw --weight-decay 0.05 --device cpu "$@" "${resume[@]}"
}

# The first edition. Small pictures first: two and a half times as many a second.
train stage1 init1 "$near" "$first/names.json" --warmup 100 --image-size 64 --epochs 8 --lr 1.5e-3 --shares 3,3,2 --crop 0.3
train stage2 stage1 "$near" "$first/names.json" --warmup 100 --image-size 96 --epochs 6 --lr 7e-4 --shares 3,3,2 --crop 0.3 --seed 2
# UC Merced's few images are known by now; EuroSAT's many are not.
train stage3 stage2 "$near" "$first/names.json" --warmup 100 --image-size 96 --epochs 12 --lr 7e-4 --shares 6,2,2 --crop 0.4 \
    --jitter 0.2 --seed 3 --weights f16

# The second edition takes over the image tower. Its text tower can't be taken over: the vocabulary has grown. So texts begin
# with random weights, and first learn alone, or their errors would tear down what the image tower knows.
train second1 init2 "$rich" "$mini/names.json" --image-tower "$folder/stage3" --freeze image --warmup 100 --image-size 64 --epochs 1 \
    --lr 1.5e-3 --shares 3,3,4 --crop 0.4
# UC Merced's pictures (0.3 m) are shrunk a lot; EuroSAT's (10 m) hardly, since nothing is looked for from further away;
# painted ones were seen from all distances already.
train second2 second1 "$rich" "$mini/names.json" --warmup 100 --image-size 96 --epochs 7 --lr 8e-4 --shares 3,3,4 --crop 0.35 \
    --jitter 0.2 --seed 3 --ground-scale 1.5,5,2 --blur 2 --haze 0.25 --season 0.2 --sensor 0.1 --weights f16
# What is near and sharp has suffered; of the two epochs the first is the better one.
train second3 second2 "$rich" "$mini/names.json" --image-size 96 --epochs 2 --lr 4e-4 --warmup 20 --shares 5,3,3 --crop 0.5 \
    --jitter 0.15 --seed 4 --ground-scale 1.2,3,1.5 --blur 1.5 --haze 0.1 --season 0.1 --sensor 0.05 --weights f16
# Texts begin anew once more, since more words came; and words that several classes share are learnt.
train third1 init3 "$rich" "$shared" --image-tower "$folder/second3" --freeze image --warmup 100 --image-size 64 --epochs 1 \
    --lr 1.5e-3 --shares 3,3,5 --crop 0.4 --seed 5
train third2 third1 "$rich" "$shared" --warmup 60 --image-size 96 --epochs 3 --lr 7e-4 --shares 4,3,5 --crop 0.4 --jitter 0.2 \
    --seed 6 --ground-scale 1.3,4,1.7 --blur 1.6 --haze 0.15 --season 0.12 --sensor 0.07 --weights f16

for file in open_clip_config.json open_clip_model.safetensors tokenizer.json tokenizer_config.json; do
    cp "$folder/third2/$file" "$mini/$file"
done
for test in "$ucm/test" "$folder/eurosat/test"; do
    "$skysift" evaluate "$test" --model "$mini" --names "$mini/names.json" --templates "$mini/templates.txt"
done
