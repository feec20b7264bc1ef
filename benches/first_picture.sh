#!/usr/bin/env bash
# How soon the window shows a scene, and how much memory it takes until then and after a minute. Each image is opened
# from the disk (as root, who may empty the page cache) and then from the page cache; first comes a window without any.
# Needs Xvfb, openbox, python3 and ImageMagick. Pictures of the screen come to lie in the folder OUT.
#
#   benches/first_picture.sh target/release/skysift OUT large.tif...
set -euo pipefail
skysift=$(realpath "$1")
out=$(mkdir -p "$2" && realpath "$2")
images=("${@:3}")
watch=$(realpath "$(dirname "$0")/first_picture_watch.py")

home=$(mktemp -d)
export XDG_RUNTIME_DIR=$home/run DISPLAY=:96
mkdir -m 700 "$home/run"
Xvfb :96 -screen 0 1400x900x24 -fbdir "$home" 2>/dev/null &
screen=$!
sleep 1
openbox >/dev/null 2>&1 &
trap 'kill $! $screen; rm -rf "$home"' EXIT
sleep 1

# Nothing may be remembered from one window to the next.
measure() {
    rm -rf "$home/state"
    XDG_CACHE_HOME=$home/state XDG_DATA_HOME=$home/state XDG_CONFIG_HOME=$home/state \
        python3 "$watch" "$home/Xvfb_screen0" "$out/$1" "$skysift" "${@:2}"
}

measure empty
for image in "${images[@]}"; do
    name=$(basename "$image")
    if [ -w /proc/sys/vm/drop_caches ]; then
        sync && echo 3 >/proc/sys/vm/drop_caches
        measure "$name-cold" "$image"
    fi
    measure "$name-warm" "$image"
done
for picture in "$out"/*.xwd; do
    convert "xwd:$picture" "${picture%.xwd}.png" && rm "$picture"
done
