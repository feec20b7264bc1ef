"""From the last letter of a keyword to its boxes on the screen, in the real window on a scanned scene.

    Xvfb :95 -screen 0 1400x900x24 &
    DISPLAY=:95 python benches/type_keyword.py target/release/skysift scene.tif harbor

Needs python-xlib. The window scans the scene for another word first. Then all letters but the last are typed; once the
picture rests, the last one is, and the clock runs until the middle of the window changes.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from Xlib import X, XK, display
from Xlib.ext import xtest

REST = 0.7


def main() -> None:
    program, image, keyword = sys.argv[1:4]
    screen = display.Display()
    root = screen.screen().root
    with tempfile.TemporaryDirectory() as home:
        env = dict(os.environ, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_CACHE_HOME=home)
        env.setdefault("XDG_RUNTIME_DIR", home)
        window = subprocess.Popen([program, image, "-k", "forest"], env=env, stderr=subprocess.DEVNULL)
        try:
            time.sleep(6)
            press(screen, "F5")
            wait_until_still(root)
            press(screen, "slash")
            times = []
            for _ in range(11):
                times.append(type_once(screen, root, keyword))
                for _ in keyword:
                    press(screen, "BackSpace")
                wait_until_still(root)
            times = sorted(times)
            print(f"last letter to boxes: median {statistics.median(times):.0f} ms, "
                  f"least {times[0]:.0f}, most {times[-1]:.0f} of {len(times)}")
        finally:
            window.terminate()
            window.wait()


def type_once(screen, root, keyword: str) -> float:
    for letter in keyword[:-1]:
        press(screen, letter)
    before = wait_until_still(root)
    started = time.perf_counter()
    press(screen, keyword[-1])
    while picture(root) == before:
        if time.perf_counter() - started > 5:
            sys.exit("nothing changed on the screen")
    return (time.perf_counter() - started) * 1000


def press(screen, name: str) -> None:
    code = screen.keysym_to_keycode(XK.string_to_keysym(name))
    xtest.fake_input(screen, X.KeyPress, code)
    xtest.fake_input(screen, X.KeyRelease, code)
    screen.sync()


def picture(root) -> bytes:
    """Some rows of the middle of the window, where the scene is: few, so that looking takes a few milliseconds."""
    size = root.get_geometry()
    left, width = size.width * 35 // 100, size.width * 40 // 100
    rows = range(size.height * 15 // 100, size.height * 85 // 100, 12)
    return b"".join(root.get_image(left, row, width, 1, X.ZPixmap, 0xFFFFFFFF).data for row in rows)


def wait_until_still(root) -> bytes:
    last, since = picture(root), time.perf_counter()
    while time.perf_counter() - since < REST:
        time.sleep(0.05)
        now = picture(root)
        if now != last:
            last, since = now, time.perf_counter()
    return last


if __name__ == "__main__":
    main()
