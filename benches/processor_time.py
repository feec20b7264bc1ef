"""Processor time, so that a measurement can tell how busy the machine was."""

import os

TICK = os.sysconf("SC_CLK_TCK")


def processor_time(pid: int) -> tuple[float, float]:
    """Of all programs, and of one, in seconds."""
    with open("/proc/stat") as stat:
        user, nice, system, _, _, *interrupts = map(int, stat.readline().split()[1:9])
    with open(f"/proc/{pid}/stat") as stat:
        own = stat.read().rpartition(")")[2].split()
    return (user + nice + system + sum(interrupts)) / TICK, (int(own[11]) + int(own[12])) / TICK
