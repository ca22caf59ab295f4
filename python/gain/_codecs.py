"""How the chunks of a Zarr array become bytes, and back.

A pipeline turns axes, then elements to bytes, then bytes to bytes. `zlib`, `gzip`, `bz2` and `lzma` are Python's; whatever else is named is asked of the package
`numcodecs`. What comes from a file is never more than its chunk should have: a small file that unpacks to a large one is refused.
"""

import math
import zlib

import numpy

_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}
# The place of a chunk that a shard doesn't have.
_NOWHERE = 2**64 - 1


def _others(name, configuration):
    """A codec of `numcodecs`."""
    try:
        import numcodecs
    except ImportError:
        raise ValueError(f"codec {name!r} needs the package numcodecs") from None
    configuration = dict(configuration)
    if name == "blosc" and isinstance(configuration.get("shuffle"), str):
        configuration["shuffle"] = _SHUFFLES[configuration["shuffle"]]
        configuration.pop("typesize", None)
    try:
        codec = numcodecs.get_codec({"id": name, **configuration})
    except Exception as error:
        raise ValueError(f"codec {name!r}: {error}") from None
    return codec.encode, lambda data, _: codec.decode(data)


def compressor(name, configuration):
    """What makes bytes of bytes, and what takes them back, at most so many."""
    if name in ("zlib", "gzip"):
        bits = 31 if name == "gzip" else 15

        def pack(data):
            made = zlib.compressobj(configuration.get("level", 1), zlib.DEFLATED, bits)
            return made.compress(data) + made.flush()

        return pack, lambda data, most: zlib.decompressobj(bits).decompress(data, most + 1)
    if name == "bz2":
        import bz2

        return lambda data: bz2.compress(data, configuration.get("level", 1)), lambda data, most: bz2.BZ2Decompressor().decompress(data, most + 1)
    if name == "lzma":
        import lzma

        kind = configuration.get("format", lzma.FORMAT_XZ)
        return lambda data: lzma.compress(data, kind), lambda data, most: lzma.LZMADecompressor().decompress(data, most + 1)
    return _others(name, configuration)


class Pipeline:
    """Chunks of one shape and type, by a list of codecs in the manner of Zarr 3."""

    def __init__(self, codecs, shape, dtype, fill):
        self.shape, self.dtype, self.fill = tuple(shape), dtype, fill
        self.turns, self.packs, self.inner = [], [], None
        extents, is_bytes = list(shape), False
        for codec in codecs:
            name, given = codec["name"], codec.get("configuration") or {}
            if is_bytes:
                self.packs.append(compressor(name, given))
            elif name == "transpose":
                axes = list(range(len(extents)))
                order = {"C": axes, "F": axes[::-1]}.get(given["order"]) if isinstance(given["order"], str) else given["order"]
                if order is None or sorted(order) != axes:
                    raise ValueError(f"codec 'transpose': the order {given['order']} is none of {len(axes)} axes")
                self.turns.append(order)
                extents = [extents[axis] for axis in order]
            elif name == "bytes":
                self.dtype = dtype.newbyteorder(">" if given.get("endian") == "big" else "<")
                is_bytes = True
            elif name == "sharding_indexed":
                self._shards(given, extents)
                is_bytes = True
            else:
                raise ValueError(f"codec {name!r} is not known")
        if not is_bytes:
            raise ValueError("no codec makes bytes of elements")
        self.extents = tuple(extents)

    def _shards(self, given, extents):
        """Chunks within chunks."""
        shape, names = given["chunk_shape"], [codec["name"] for codec in given.get("index_codecs", [])]
        if len(shape) != len(extents) or any(n < 1 or extent % n for extent, n in zip(extents, shape)):
            raise ValueError(f"shards of shape {extents} don't consist of chunks of shape {shape}")
        if names not in (["bytes"], ["bytes", "crc32c"]) or given["index_codecs"][0].get("configuration", {}).get("endian", "little") != "little":
            raise ValueError(f"the index of shards is packed by {names}, which is not known")
        self.inner = Pipeline(given["codecs"], shape, self.dtype, self.fill)
        self.grid = [extent // n for extent, n in zip(extents, shape)]
        self.index_bytes = 16 * math.prod(self.grid) + 4 * (len(names) - 1)
        self.is_index_first = given.get("index_location", "end") == "start"

    def encode(self, chunk):
        """The bytes of a chunk."""
        for order in self.turns:
            chunk = chunk.transpose(order)
        data = numpy.ascontiguousarray(chunk, self.dtype).tobytes()
        for pack, _ in self.packs:
            data = pack(data)
        return data

    def decode(self, data):
        """The chunk of these bytes."""
        try:
            for place, (_, unpack) in reversed(list(enumerate(self.packs))):
                # (What is packed twice may be longer in between.)
                data = unpack(data, self._most() if place == 0 else 2 * self._most() + 1024)
        except (zlib.error, EOFError, RuntimeError, OSError) as error:
            raise ValueError(f"a chunk can't be unpacked: {error}") from None
        if self.inner is not None:
            chunk = self._joined(bytes(data))
        else:
            most = self._most()
            if len(memoryview(data).cast("B")) != most:
                raise ValueError(f"a chunk of {most} bytes has {'more' if len(data) > most else len(data)}")
            chunk = numpy.frombuffer(data, self.dtype).reshape(self.extents)
        for order in reversed(self.turns):
            chunk = chunk.transpose(numpy.argsort(order))
        return chunk

    def _most(self):
        bytes_of_all = math.prod(self.extents) * self.dtype.itemsize
        return bytes_of_all if self.inner is None else 2 * bytes_of_all + self.index_bytes + 1024

    def _joined(self, data):
        """The chunk of the chunks in a shard."""
        index = data[:self.index_bytes] if self.is_index_first else data[-self.index_bytes:]
        if len(index) != self.index_bytes:
            raise ValueError(f"a shard of {len(data)} bytes is shorter than its index")
        count = math.prod(self.grid)
        if self.index_bytes > 16 * count and _crc32c(index[:-4]) != int.from_bytes(index[-4:], "little"):
            raise ValueError("the index of a shard is damaged")
        places = numpy.frombuffer(index, "<u8", 2 * count).reshape(*self.grid, 2)
        made = numpy.full(self.extents, self.fill, self.inner.dtype.newbyteorder("="))
        for at in numpy.ndindex(*self.grid):
            start, length = map(int, places[at])
            if start == length == _NOWHERE:
                continue
            if start + length > len(data):
                raise ValueError("a shard is shorter than its index says")
            box = tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, self.inner.shape))
            made[box] = self.inner.decode(data[start:start + length])
        return made


def _crc32c(data):
    """Castagnoli's checksum, of few bytes."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF
