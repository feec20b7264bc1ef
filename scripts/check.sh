#!/usr/bin/env bash
# Runs what CI runs: format, lints, licences and advisories, all tests, documentation.
# On Debian and Ubuntu, missing system packages are installed first (as root, or with sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v apt-get >/dev/null; then
    scripts/install-debian-packages.sh
    # What was installed is there, so no test may do without it (tests/skysift/needed.rs).
    export SKYSIFT_REQUIRE="${SKYSIFT_REQUIRE-gdal,imagemagick,sqlite3,unzip,vulkan,xdotool,xvfb}"
fi

cargo fmt --check
cargo clippy --release --all-targets --locked -- -D warnings
# The list of advisories is not in the repository: where it can't be fetched, that one check is left out.
if command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny; then
    cargo deny --locked check bans licenses sources
    if cargo deny --locked fetch db 2>/dev/null; then
        cargo deny --locked check advisories
    else
        echo "cargo deny: there is no list of advisories here, so they were not checked"
    fi
fi
RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --locked
cargo test --release --locked --no-fail-fast
