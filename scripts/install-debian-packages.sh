#!/usr/bin/env bash
# Installs the Debian packages that the build needs (a C++ compiler, CMake and SQLite for PROJ) and those that tests of
# the window and comparisons with GDAL use. The program itself needs none of them on a desktop.
set -euo pipefail

packages=(
    cmake                # builds PROJ
    g++                  # builds PROJ
    gdal-bin             # gdal_translate: pixels to compare with
    imagemagick          # screenshots of the virtual display
    libvulkan1           # the Vulkan loader
    libxkbcommon-x11-0   # keyboard of the window under X11
    mesa-vulkan-drivers  # a software renderer for machines without a GPU
    openbox              # a window manager, so that the window gets focus
    sqlite3              # PROJ's own database, when it is built
    unzip                # what is advised for products in zip files
    xdotool              # keys and mouse
    xvfb                 # a virtual display
)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
