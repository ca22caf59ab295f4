"""What programs for Star-P did, with its names: the page docs/src/starp.md.

    python examples/starp.py [-s]        -s: in a session with two ranks; under `gain run -n 4` as it is
"""

import sys

import numpy

import gain
import gain.starp as starp

if "-s" in sys.argv:
    gain.connect(ranks=2)

# Data parallel: what is made of arrays of the server is on the server.
a = starp.numpy.random.rand(300, 300)
b = starp.numpy.random.rand(300)
x = starp.numpy.linalg.solve(a, b)
print(float(abs(a @ x - b).max()) < 1e-8)

# Back and forth: by name, both ways.
y = starp.numpy.array(numpy.arange(12.0).reshape(3, 4))
here = numpy.asarray(y * 2)
print(here.tolist() == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18, 20, 22]])

# Fourier transforms.
z = starp.numpy.fft.fft2(y)
print(numpy.allclose(z.numpy(), numpy.fft.fft2(here / 2)))

# Task parallel: slices along the last axis.
stack = starp.numpy.random.rand(20, 20, 50)
u, s, v = starp.ppeval(numpy.linalg.svd, stack)
plain = stack.numpy()
print(u.shape, s.shape, all(numpy.allclose(s[:, k].numpy(), numpy.linalg.svd(plain[..., k])[1]) for k in range(50)))

# One argument split, one whole for all calls; along another axis.
rows = starp.ppeval(numpy.convolve, starp.ppsplit(y, 0), starp.ppbcast(numpy.array([1.0, 2.0])))
print(all(rows[:, k].tolist() == numpy.convolve(here[k] / 2, [1.0, 2.0]).tolist() for k in range(3)))


# Trials that have nothing in common: the seeds are the data.
def inside(seed):
    points = numpy.random.default_rng(int(seed)).random((10_000, 2))
    return (numpy.hypot(*points.T) < 1).mean()


print(abs(4 * float(starp.ppeval(inside, numpy.arange(100)).mean()) - numpy.pi) < 0.02)
# Results of unequal shapes.
lists = starp.ppeval(lambda n: numpy.arange(n), [3, 1, 2])
print([one.tolist() for one in lists])
