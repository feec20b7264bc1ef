"""Reads regions of an image with GDAL (by rasterio), as benches/raster.rs does: one question a line, answered with
seconds on the clock and of processor time."""

import sys
import time

import rasterio
from rasterio.windows import Window

source = rasterio.open(sys.argv[1])
print(f"GDAL {rasterio.__gdal_version__}", flush=True)
for line in sys.stdin:
    windows = [tuple(map(int, part.split(","))) for part in line.split()]
    wall, cpu = time.perf_counter(), time.process_time()
    for x, y, width, height in windows:
        source.read(window=Window(x, y, width, height))
    print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
