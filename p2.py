import gain, numpy, sys
n=sys.argv[1]
a=gain.array(numpy.random.rand(300,300).astype(n))
for i in range(8000): (a-a[0]).force()
