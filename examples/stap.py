"""Space-time adaptive processing, the radar kernel of AutoMPHC (2022): how many data cubes a second.

    python examples/stap.py [--cubes 32] [--pulses 64] [--channels 8] [--samples 1000]      under `gain run -n 4` as it is

A cube has a sample for each pulse, channel and time. For each pulse and channel its samples are scaled, Fourier transformed, and multiplied element by element with a
row of a matrix of weights. Cubes have nothing to do with one another: ranks take them from a counter. Every cube is checked against the kernel as loops of NumPy calls.
"""

import argparse
import time

import numpy

import gain


def as_loops(cube, scale, weights):
    """The kernel as it is written down: a call for each pulse and channel."""
    out = numpy.empty_like(cube)
    for pulse in range(cube.shape[0]):
        for channel in range(cube.shape[1]):
            out[pulse, channel] = numpy.fft.fft(cube[pulse, channel] * scale[pulse, channel]) * weights[channel]
    return out


def as_arrays(cube, scale, weights):
    """The same with the loops in the calls: rows through a function, then a product that is broadcast."""
    return numpy.fft.fft(cube * scale[:, :, None], axis=2) * weights


def cube_of(seed, shape):
    """A random cube."""
    random = numpy.random.default_rng(seed)
    return random.standard_normal(shape) + 1j * random.standard_normal(shape)


def main():
    """Runs both forms over all cubes."""
    parser = argparse.ArgumentParser()
    for name, default in (("cubes", 32), ("pulses", 64), ("channels", 8), ("samples", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    shape = options.pulses, options.channels, options.samples
    random = numpy.random.default_rng(0)
    scale, weights = random.random(shape[:2]), random.random(shape[1:]) + 1j * random.random(shape[1:])
    cubes = {}

    def given(seed):
        # Receiving data isn't what is measured: each rank has a few cubes, which come again and again.
        if seed % 4 not in cubes:
            cubes[seed % 4] = cube_of(seed % 4, shape)
        return cubes[seed % 4]

    def run(kernel):
        def turn(seed):
            return float(numpy.abs(kernel(given(seed), scale, weights)).sum())

        gain.pfor(range(4))(turn)
        gain.barrier()
        start = time.perf_counter()
        sums = gain.pfor(range(options.cubes))(turn)
        gain.barrier()
        return numpy.asarray(sums), options.cubes / (time.perf_counter() - start)

    expected, loops = run(as_loops)
    sums, arrays = run(as_arrays)
    if not numpy.allclose(sums, expected):
        raise SystemExit("stap: the sums differ")
    if gain.rank() == 0:
        print(f"{options.cubes} cubes of {options.pulses} x {options.channels} x {options.samples}, {gain.ranks()} ranks: {loops:.1f} cubes/s as loops, {arrays:.1f} as arrays")


if __name__ == "__main__":
    main()
