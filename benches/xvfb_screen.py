"""The screen of an Xvfb that was started with -fbdir, read from its memory without asking X for anything."""

import mmap
import struct


class Screen:
    def __init__(self, path: str):
        with open(path, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        # The header of a window dump (XWDFile.h): pixels follow it and a table of colours.
        header = struct.unpack(">25I", self.memory[:100])
        self.width, self.height = header[4], header[5]
        self.start, self.line = header[0] + header[19] * 12, header[12]

    def rows(self, left: int, top: int, right: int, bottom: int, step: int) -> list[bytes]:
        """Every `step`-th row of a rectangle, four bytes a pixel (blue, green, red, nothing)."""
        starts = (self.start + y * self.line for y in range(top, bottom, step))
        return [self.memory[start + left * 4 : start + right * 4] for start in starts]
