"""From the last letter of a keyword to its boxes on the screen, in the real window on a scanned scene.

    python benches/type_keyword.py target/release/skysift scene.tif harbor

Needs Xvfb, openbox and python-xlib. The window scans the scene for another word first. Then all letters but the last are
typed; once the picture rests, the last one is, and the clock runs until the middle of the window changes. A busy machine
tells nothing: what other programs used of the processors is told too.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from Xlib import X, XK, display
from Xlib.ext import xtest

from processor_time import processor_time
from xvfb_screen import Screen

SIZE = "1400x900x24"
REST = 0.7
TIMES = 21


def main() -> None:
    program, image, keyword = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as home:
        read, write = os.pipe()
        server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", SIZE, "-noreset", "-fbdir", home],
            pass_fds=[write], stderr=subprocess.DEVNULL)
        name = ":" + os.read(read, 16).decode().strip()
        env = dict(os.environ, DISPLAY=name, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_CACHE_HOME=home,
                   XDG_RUNTIME_DIR=home)
        manager = subprocess.Popen(["openbox"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        window = subprocess.Popen([program, image, "-k", "forest"], env=env, stderr=subprocess.DEVNULL)
        try:
            measure(display.Display(name), Screen(f"{home}/Xvfb_screen0"), window.pid, keyword)
        finally:
            for process in (window, manager, server):
                process.terminate()
                process.wait()


def measure(x: display.Display, screen: Screen, window: int, keyword: str) -> None:
    # A pointer in the picture is painted anew with every frame.
    xtest.fake_input(x, X.MotionNotify, x=screen.width - 1, y=screen.height - 1)
    time.sleep(6)
    press(x, "F5")
    wait_until_still(screen)
    press(x, "slash")
    all_before, own_before, began = *processor_time(window), time.perf_counter()
    times = []
    for _ in range(TIMES):
        times.append(type_once(x, screen, keyword))
        for _ in keyword:
            press(x, "BackSpace")
        wait_until_still(screen)
    all_after, own_after = processor_time(window)
    others = (all_after - all_before) - (own_after - own_before)
    share = others / (time.perf_counter() - began) / (os.cpu_count() or 1)
    times.sort()
    print(f"last letter to boxes: median {statistics.median(times):.0f} ms, least {times[0]:.0f}, "
          f"most {times[-1]:.0f} of {len(times)}; other programs used {share:.0%} of the processors")


def type_once(x: display.Display, screen: Screen, keyword: str) -> float:
    for letter in keyword[:-1]:
        press(x, letter)
    before = wait_until_still(screen)
    started = time.perf_counter()
    press(x, keyword[-1])
    while middle(screen) == before:
        if time.perf_counter() - started > 5:
            sys.exit("nothing changed on the screen")
        time.sleep(0.001)
    return (time.perf_counter() - started) * 1000


def press(x: display.Display, name: str) -> None:
    code = x.keysym_to_keycode(XK.string_to_keysym(name))
    xtest.fake_input(x, X.KeyPress, code)
    xtest.fake_input(x, X.KeyRelease, code)
    x.sync()


def middle(screen: Screen) -> list[bytes]:
    """The middle of the window, where the scene is."""
    width, height = screen.width, screen.height
    return screen.rows(width * 35 // 100, height * 15 // 100, width * 75 // 100, height * 85 // 100, 12)


def wait_until_still(screen: Screen) -> list[bytes]:
    last, since = middle(screen), time.perf_counter()
    while time.perf_counter() - since < REST:
        time.sleep(0.05)
        now = middle(screen)
        if now != last:
            last, since = now, time.perf_counter()
    return last


if __name__ == "__main__":
    main()
