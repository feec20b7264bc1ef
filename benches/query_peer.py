"""Finds the best windows for keywords with numpy or faiss, as benches/query.rs does: each line asks once more, and is
answered with seconds on the clock and of processor time. The windows found lie in a file beside the vectors."""

import sys
import time

import numpy as np

library, folder, windows, length, top = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
vectors = np.fromfile(f"{folder}/windows.f32", np.float32).reshape(windows, length)
words = np.fromfile(f"{folder}/words.f32", np.float32).reshape(-1, length)

if library == "faiss":
    import faiss

    index = faiss.IndexFlatIP(length)
    index.add(vectors)
    version = faiss.__version__

    def search():
        return index.search(words, top)[1]
else:
    version = np.__version__

    def search():
        scores = words @ vectors.T
        best = np.argpartition(scores, -top, axis=1)[:, -top:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        return np.take_along_axis(best, order, axis=1)


print(f"{library} {version}", flush=True)
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    found = search()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found.astype(np.uint32).tofile(f"{folder}/{library}.u32")
    print(wall, cpu, flush=True)
