"""zstd as a filter, for machines that have no such command: `-1` compresses, `-d` unpacks."""

import sys

import zstandard


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    if "-d" in sys.argv:
        zstandard.ZstdDecompressor().copy_stream(source, sink)
    else:
        zstandard.ZstdCompressor(level=1, threads=1).copy_stream(source, sink)


if __name__ == "__main__":
    main()
