"""Starts the viewer and watches the memory of the screen that Xvfb draws on, without asking X for anything.

A scene is there once the middle of the window has many colours: more than the plain ground, the checkerboard that
stands for what isn't read yet, and letters.
"""

import os
import shutil
import subprocess
import sys
import time

from processor_time import processor_time
from xvfb_screen import Screen

LEFT, TOP, RIGHT, BOTTOM = 400, 300, 800, 600
STEP = 7
COLOURS = 100
SECONDS = float(os.environ.get("SECONDS_TO_WATCH", "60"))


def most_memory(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def main(screen, out, *command):
    pixels_of = Screen(screen)

    def middle():
        rows = pixels_of.rows(LEFT, TOP, RIGHT, BOTTOM, STEP)
        return [row[x : x + 3] for row in rows for x in range(0, len(row), 4 * STEP)]

    before = last = middle()
    window = picture = changed = None
    peak, own = 0, 0.0
    keep = [1, 2, 4, 8, 16, 32]
    all_before, _ = processor_time(os.getpid())
    began = time.monotonic()
    viewer = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while (now := time.monotonic() - began) < SECONDS and viewer.poll() is None:
        pixels = middle()
        if window is None and pixels != before:
            window = now
        if picture is None and len(set(pixels)) > COLOURS:
            picture, peak = now, most_memory(viewer.pid)
            everything, own = processor_time(viewer.pid)
            others = (everything - all_before - own) / now / os.cpu_count()
            shutil.copy(screen, f"{out}-first.xwd")
        if pixels != last:
            changed, last = now, pixels
        if keep and now >= keep[0]:
            shutil.copy(screen, f"{out}-{keep.pop(0)}s.xwd")
        time.sleep(0.01)
    at_the_end = most_memory(viewer.pid)
    shutil.copy(screen, f"{out}-end.xwd")
    viewer.terminate()
    viewer.wait()
    seconds = lambda at: "none" if at is None else f"{at:.2f} s"
    told = f"{os.path.basename(out)}: window {seconds(window)}, picture {seconds(picture)}"
    if picture is not None:
        told += f" with {own:.2f} s of processor time and {peak} MiB, other programs {others:.0%} of the processors"
    print(f"{told}; last change {seconds(changed)}, {at_the_end} MiB at the end", flush=True)
    time.sleep(1)


main(*sys.argv[1:])
