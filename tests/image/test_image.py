"""The controller's image, as hack/images has put it into an OCI archive: what is in it, and how large it is.

That it works is the end to end tests' part: the controller, and what it lets run in users' pods, are this image.
"""

import functools
import io
import json
import pathlib
import re
import subprocess
import tarfile
import unittest
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_LIMIT_S = 1800
MAXIMUM = 10_000_000  # bytes of all layers as they are pulled: gzip
PROGRAM = "usr/bin/tidemill"
EXPECTED = [  # regular expressions; each must match something, and each file one of them
    PROGRAM,
    r"lib(64)?/([a-z0-9_]+-linux-gnu/)?ld-linux[a-z0-9_.-]*\.so\.\d",  # the loader
    r"(usr/)?lib/[a-z0-9_]+-linux-gnu/lib[a-z0-9_.+-]+\.so(\.\d+)*",
    r"usr/share/zoneinfo/[A-Z][A-Za-z0-9_+/-]*",
    r"etc/ssl/certs/ca-certificates\.crt",
    r"etc/nsswitch\.conf",
    r"var/lib/dpkg/status\.d/[a-z0-9.+-]+",
]
NEEDED_ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC")


class Image:
    """An OCI archive of one image."""

    def __init__(self, archive: pathlib.Path) -> None:
        with tarfile.open(archive) as outer:
            self.blobs = {member.name.rpartition("/")[2]: self._read(outer, member)
                          for member in outer if "/blobs/sha256/" in member.name and member.isfile()}
            index = json.loads(self._read(outer, outer.getmember("./index.json")))
        manifest = self.parse(index["manifests"][0])
        self.config = self.parse(manifest["config"])
        self.layers = [self.blob(layer) for layer in manifest["layers"]]

    @staticmethod
    def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        stream = archive.extractfile(member)
        assert stream is not None
        return stream.read()

    def blob(self, descriptor: dict[str, Any]) -> bytes:
        return self.blobs[descriptor["digest"].removeprefix("sha256:")]

    def parse(self, descriptor: dict[str, Any]) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.blob(descriptor))
        return parsed

    def compressed_size(self) -> int:
        return sum(map(len, self.layers))

    def members(self) -> list[tarfile.TarInfo]:
        found = []
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as files:
                found += files.getmembers()
        return found

    def read(self, name: str) -> bytes:
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as files:
                if name in files.getnames():
                    return self._read(files, files.getmember(name))
        raise AssertionError(f"{name} is not in the image")


@functools.cache
def image() -> Image:
    """Built before if it is not there; hack/images prints the archive's path last."""
    done = subprocess.run([ROOT / "hack" / "images", "controller"], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=BUILD_LIMIT_S)
    return Image(pathlib.Path(done.stdout.splitlines()[-1]))


class Content(unittest.TestCase):
    def test_size(self) -> None:
        """the image is pulled with less than 10 MB"""
        size = image().compressed_size()
        print(f"       {size:,} bytes, at most {MAXIMUM:,}")
        self.assertLess(size, MAXIMUM)

    def test_files(self) -> None:
        """the image has the program and what it needs, and no other file"""
        names = [m.name for m in image().members() if not m.isdir()]
        self.assertEqual([n for n in names if not any(re.fullmatch(e, n) for e in EXPECTED)], [])
        self.assertEqual([e for e in EXPECTED if not any(re.fullmatch(e, n) for n in names)], [])

    def test_programs(self) -> None:
        """nothing but the program and the loader is called to run, and nothing runs as somebody else"""
        runs = [m.name for m in image().members()
                if m.isfile() and m.mode & 0o111 and not re.fullmatch(EXPECTED[1], m.name)]
        self.assertEqual([n for n in runs if "/lib" not in f"/{n}"], [PROGRAM])
        self.assertEqual([m.name for m in image().members() if m.mode & 0o6000], [])

    def test_zones(self) -> None:
        """time zones are there"""
        for zone in NEEDED_ZONES:
            name = f"usr/share/zoneinfo/{zone}"
            member = next(m for m in image().members() if m.name == name)
            if member.isfile():
                self.assertEqual(image().read(name)[:4], b"TZif", zone)

    def test_packages(self) -> None:
        """a scanner of images finds the packages that the libraries are from"""
        for package in ("libc6", "libcurl4", "libssl3", "zlib1g", "ca-certificates", "tzdata"):
            text = image().read(f"var/lib/dpkg/status.d/{package}").decode()
            self.assertRegex(text, r"(?m)^Version: \S")

    def test_start(self) -> None:
        """the image starts the program, and not as root"""
        config = image().config["config"]
        self.assertEqual((config["Entrypoint"], config["User"]), (["/usr/bin/tidemill"], "65534:65534"))


if __name__ == "__main__":
    unittest.main()
