"""CPU, memory and socket bytes of processes, from the kernel."""

import dataclasses
import os
import pathlib
import re
import subprocess

NANOSECONDS = 1e9
TICKS = os.sysconf("SC_CLK_TCK")
KIB = 1024
MIB = 1024 * KIB


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads, ended ones too (proc_pid_stat(5), fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_fine_seconds(pid: int) -> float:
    """The same of all living threads, to the nanosecond (Documentation/scheduler/sched-stats.rst)."""
    return sum(int(file.read_text().split()[0])
               for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / NANOSECONDS


def forget_peak(pid: int) -> None:
    """Memory.peak counts from now on (proc(5), clear_refs)."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def machine_seconds() -> float:
    """CPU time that the whole machine spent, without idle, waiting for disks, and guests' share."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / TICKS


@dataclasses.dataclass(frozen=True)
class Memory:
    resident: int  # bytes
    peak: int  # bytes, since the process began


def memory(pid: int) -> Memory:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) * KIB
             for line in lines if line.startswith(("VmRSS:", "VmHWM:"))}
    return Memory(sizes["VmRSS"], sizes["VmHWM"])


@dataclasses.dataclass(frozen=True)
class Wire:
    """Bytes on TCP connections, TLS included, without the heads of packets."""

    sent: int
    received: int
    connections: frozenset[str]


def wire(pid: int, address: str) -> Wire:
    """Of the connections that the process has to an address, as the kernel counts them."""
    text = subprocess.run(["ss", "-tinpH", "dst", address], check=True, capture_output=True,
                          text=True, timeout=10).stdout
    sent = received = 0
    names = set()
    for head, info in re.findall(r"^(\S.*)\n\s+(.*)$", text, re.MULTILINE):
        if f"pid={pid}," not in head:
            continue
        names.add(head.split()[3])
        counters = dict(re.findall(r"(bytes_sent|bytes_received):(\d+)", info))
        sent += int(counters.get("bytes_sent", 0))
        received += int(counters.get("bytes_received", 0))
    return Wire(sent, received, frozenset(names))
