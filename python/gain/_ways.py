"""The table of how NumPy's functions are computed here: `ways`. The page of names is made from it.

In each chapter of NumPy's manual the names stand under the way that they go; `NOTES` says what differs from NumPy.
"""

import functools

import numpy

__all__ = ["ways"]

# What each way means, from the cheapest to the dearest.
MEANINGS = {
    "type": "NumPy's own type, constant or setting: no element of an array is concerned",
    "view": "shows the same elements, nothing moves",
    "local": "element by element where the elements are; recorded, and fused with what is around it",
    "halo": "as local, with the neighbours' edges",
    "fold": "each rank for its own elements, then one exchange of results",
    "exchange": "elements go to other places: each rank reads or sends what it needs of the others' blocks",
    "product": "a product of matrices, cut so that the least is moved",
    "index": "indices go to the ranks that have the elements, elements come back",
    "matrices": "a stack is dealt out to the ranks, each factorizes its matrices; what of one large matrix is shared, docs/src/linalg.md says",
    "sort": "each rank sorts its own, then ranges of values are exchanged",
    "calls": "a Python function of yours, called by each rank",
    "words": "each rank makes the random words of its own elements",
    "stream": "each rank runs NumPy's generator, a chunk at a time, and keeps its own elements",
    "gather": "all elements come to every rank",
    "replicated": "every rank does the same by itself; no array of many elements is concerned",
    "NumPy": "NumPy computes it, of elements that every rank gathered: told by `set_fallback`",
    "refused": "not there; asking for it says so",
}

# What goes one way or another has one of them here, and a note.
CHAPTERS = {
    "Array creation": {
        "local": "arange array copy empty empty_like eye full full_like geomspace identity indices linspace logspace mgrid ogrid ones ones_like tri tril triu vander zeros zeros_like",
        "view": "asanyarray asarray ascontiguousarray asfortranarray asarray_chkfinite diag from_dlpack frombuffer require",
        "exchange": "diagflat meshgrid",
        "calls": "fromfunction",
        "replicated": "fromiter fromstring",
        "refused": "bmat asmatrix fromregex",
    },
    "Array manipulation": {
        "view": "atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_to expand_dims flip fliplr flipud matrix_transpose moveaxis permute_dims ravel reshape rollaxis rot90 squeeze swapaxes transpose split array_split hsplit vsplit dsplit unstack lib.stride_tricks.as_strided lib.stride_tricks.sliding_window_view",
        "replicated": "broadcast broadcast_shapes ndim shape size",
        "local": "copyto astype packbits unpackbits",
        "exchange": "append block column_stack concat concatenate dstack hstack pad repeat resize roll row_stack stack tile trim_zeros vstack",
        "index": "delete insert",
        "sort": "unique unique_all unique_counts unique_inverse unique_values",
    },
    "Indexing": {
        "index": "argwhere choose compress diag_indices_from extract fill_diagonal flatnonzero mask_indices nonzero place put put_along_axis putmask take take_along_axis tril_indices tril_indices_from triu_indices triu_indices_from",
        "local": "diag_indices ix_ piecewise ravel_multi_index select unravel_index where",
        "view": "diagonal",
        "exchange": "c_ r_",
        "replicated": "index_exp s_ ndindex",
        "gather": "ndenumerate nditer nested_iters",
    },
    "Sets": {"sort": "intersect1d isin setdiff1d setxor1d union1d"},
    "Sorting, searching and counting": {
        "sort": "argpartition argsort lexsort partition sort sort_complex",
        "index": "searchsorted",
        "fold": "argmax argmin count_nonzero nanargmax nanargmin",
    },
    "Statistics": {
        "fold": "all amax amin any average bincount cov corrcoef histogram histogram2d histogram_bin_edges histogramdd max mean min nanmax nanmean nanmin nanprod nanstd nansum nanvar prod ptp std sum var",
        "sort": "median nanmedian nanpercentile nanquantile percentile quantile",
        "index": "digitize",
    },
    "Mathematics": {
        "local": "angle around clip fix i0 imag nan_to_num real real_if_close round sinc cross",
        "halo": "diff ediff1d gradient trapezoid unwrap convolve correlate",
        "fold": "cumprod cumsum cumulative_prod cumulative_sum nancumprod nancumsum",
        "index": "interp",
    },
    "Functions that become complex": {
        "local": "emath.arccos emath.arcsin emath.arctanh emath.log emath.log10 emath.log2 emath.logn emath.power emath.sqrt",
    },
    "Products": {
        "product": "dot einsum inner tensordot vdot",
        "exchange": "kron outer",
        "fold": "trace",
        "replicated": "einsum_path",
    },
    "Fourier transforms": {
        "exchange": "fft.fft fft.fft2 fft.fftn fft.hfft fft.ifft fft.ifft2 fft.ifftn fft.ihfft fft.irfft fft.irfft2 fft.irfftn fft.rfft fft.rfft2 fft.rfftn fft.fftshift fft.ifftshift",
        "local": "fft.fftfreq fft.rfftfreq",
    },
    "Linear algebra": {
        "matrices": "linalg.cho_factor linalg.cho_solve linalg.cholesky linalg.cond linalg.det linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.expm linalg.inv linalg.lstsq linalg.lu linalg.lu_factor linalg.lu_solve linalg.matrix_rank linalg.pinv linalg.polar linalg.qr linalg.slogdet linalg.solve linalg.solve_triangular linalg.svd linalg.svdvals linalg.tensorinv linalg.tensorsolve",
        "product": "linalg.matmul linalg.matrix_power linalg.multi_dot linalg.tensordot linalg.vecdot",
        "fold": "linalg.matrix_norm linalg.norm linalg.trace linalg.vector_norm",
        "local": "linalg.cross",
        "view": "linalg.diagonal linalg.matrix_transpose",
        "exchange": "linalg.outer",
        "type": "linalg.LinAlgError",
    },
    "Logic": {
        "fold": "allclose array_equal array_equiv",
        "local": "isclose iscomplex isneginf isposinf isreal",
        "replicated": "iscomplexobj isfortran isrealobj isscalar iterable",
    },
    "Polynomials": {
        "local": "polyval",
        "halo": "polymul polydiv",
        "exchange": "polyadd polyder polyint polysub",
        "fold": "polyfit",
        "NumPy": "poly roots",
        "replicated": "poly1d",
    },
    "Python functions on arrays": {"calls": "apply_along_axis apply_over_axes frompyfunc vectorize"},
    "Windows": {"local": "bartlett blackman hamming hanning kaiser"},
    "Input and output": {
        "gather": "array2string array_repr array_str",
        "replicated": "base_repr binary_repr format_float_positional format_float_scientific get_printoptions printoptions set_printoptions",
        "exchange": "fromfile genfromtxt load loadtxt memmap save savetxt savez savez_compressed",
    },
    "Types and memory": {
        "replicated": "can_cast common_type info min_scalar_type may_share_memory result_type shares_memory show_runtime",
        "type": "dtype exceptions finfo get_include getbufsize iinfo isdtype issubdtype mintypecode promote_types setbufsize show_config typename errstate geterr geterrcall seterr seterrcall flatiter ndarray ufunc False_ True_ ScalarType sctypeDict typecodes little_endian e euler_gamma inf nan newaxis pi",
        "refused": "matrix recarray record test",
    },
    "Random numbers": {
        "words": "random.Generator.random random.Generator.uniform random.Generator.integers random.Generator.standard_normal random.Generator.normal random.Generator.standard_exponential "
        "random.Generator.exponential random.rand random.randn random.random random.random_sample random.ranf random.sample random.standard_normal random.normal random.uniform random.randint",
        "index": "random.Generator.permutation random.Generator.permuted random.Generator.shuffle random.Generator.choice random.permutation random.shuffle random.choice",
        "gather": "random.Generator.bytes random.bytes",
        "stream": "random.Generator.beta random.Generator.binomial random.Generator.chisquare random.Generator.dirichlet random.Generator.f random.Generator.gamma random.Generator.geometric "
        "random.Generator.gumbel random.Generator.hypergeometric random.Generator.laplace random.Generator.logistic random.Generator.lognormal random.Generator.logseries "
        "random.Generator.multinomial random.Generator.multivariate_hypergeometric random.Generator.multivariate_normal random.Generator.negative_binomial "
        "random.Generator.noncentral_chisquare random.Generator.noncentral_f random.Generator.pareto random.Generator.poisson random.Generator.power random.Generator.rayleigh "
        "random.Generator.standard_cauchy random.Generator.standard_gamma random.Generator.standard_t random.Generator.triangular random.Generator.vonmises random.Generator.wald "
        "random.Generator.weibull random.Generator.zipf random.beta random.binomial random.chisquare random.dirichlet random.exponential random.f random.gamma random.geometric "
        "random.gumbel random.hypergeometric random.laplace random.logistic random.lognormal random.logseries random.multinomial random.multivariate_normal "
        "random.negative_binomial random.noncentral_chisquare random.noncentral_f random.pareto random.poisson random.power random.random_integers random.rayleigh "
        "random.standard_cauchy random.standard_exponential random.standard_gamma random.standard_t random.triangular random.vonmises random.wald random.weibull random.zipf",
        "replicated": "random.Generator random.Generator.spawn random.RandomState random.default_rng random.BitGenerator random.MT19937 random.PCG64 random.PCG64DXSM random.Philox random.SFC64 "
        "random.SeedSequence random.seed random.get_state random.set_state random.get_bit_generator random.set_bit_generator",
    },
    "Dates": {"refused": "busday_count busday_offset busdaycalendar datetime_as_string datetime_data is_busday"},
}

# What differs from NumPy, by name.
NOTES = {
    "random.default_rng": "without a seed all ranks have one of rank 0's", "random.seed": "without a seed all ranks have one of rank 0's",
    "random.Generator.multivariate_normal": "all of it on every rank for a moment", "random.multivariate_normal": "all of it on every rank for a moment",
    "random.Generator.permutation": "every rank has the order of all for a moment", "random.permutation": "every rank has the order of all for a moment",
    "array": "a list with distributed arrays in it is joined, not gathered",
    "array2string": "of large arrays the corners that are printed", "array_repr": "of large arrays the corners that are printed",
    "array_str": "of large arrays the corners that are printed", "asarray": "on several ranks a copy of others' memory",
    "asanyarray": "on several ranks a copy of others' memory", "asarray_chkfinite": "looks at all elements: a fold",
    "broadcast_arrays": "read-only", "c_": "no matrices", "r_": "no matrices",
    "diag": "of a vector a new matrix; of a matrix as `diagonal`", "diagonal": "a read-only copy where no steps say it",
    "einsum": "two operands at a time; sums without a product are fused", "flatiter": "ours: `x.flat`", "ndarray": "ours",
    "emath.logn": "one fold tells whether results are complex", "emath.log": "one fold tells whether results are complex",
    "emath.log10": "one fold tells whether results are complex", "emath.log2": "one fold tells whether results are complex",
    "emath.power": "one fold tells whether results are complex", "emath.sqrt": "one fold tells whether results are complex",
    "emath.arccos": "one fold tells whether results are complex", "emath.arcsin": "one fold tells whether results are complex",
    "emath.arctanh": "one fold tells whether results are complex",
    "linalg.norm": "some orders of matrices need singular values", "linalg.matrix_norm": "some orders need singular values", "linalg.lstsq": "of a tall matrix R only",
    "linalg.cho_factor": "SciPy's; the other triangle is zero", "linalg.expm": "SciPy's", "linalg.lu": "SciPy's", "linalg.lu_factor": "SciPy's",
    "linalg.lu_solve": "SciPy's", "linalg.cho_solve": "SciPy's", "linalg.polar": "SciPy's", "linalg.solve_triangular": "SciPy's",
    "fromfunction": "the function is called once, with arrays", "fromiter": "each rank goes through its own iterator",
    "frombuffer": "on several ranks a copy", "from_dlpack": "on several ranks a copy", "frompyfunc": "gives numbers, no objects",
    "geomspace": "looks at the ends", "getbufsize": "means nothing here", "setbufsize": "means nothing here",
    "info": "where an array is instead of its address", "convolve": "with many coefficients products of matrices",
    "correlate": "with many coefficients products of matrices", "cumsum": "running sums of each rank, moved on by those before it",
    "lib.stride_tricks.as_strided": "elements must lie in the array; overlapping ones are written by assignments alone",
    "lib.stride_tricks.sliding_window_view": "overlapping elements are written by assignments alone",
    "meshgrid": "`copy=False` gives read-only views", "nditer": "element by element in Python; on several ranks what is spread is told of (`set_fallback`), unless it is only read", "nested_iters": "as `nditer`",
    "ndenumerate": "reads ahead, element by element in Python", "piecewise": "functions get the elements that they are for: index",
    "pad": "a function for mode is called by every rank for each line", "poly": "of a matrix its eigenvalues",
    "poly1d": "coefficients are on every rank; values of distributed points are local", "polydiv": "coefficient by coefficient",
    "polyfit": "orthonormal columns, then NumPy's least squares of a small matrix", "roots": "eigenvalues of a small matrix",
    "searchsorted": "a table of several nodes is fetched if it is small beside the needles; all of a sorter is checked",
    "histogram": "of complex elements the bins are looked for in NumPy's order", "bincount": "large numbers are sent to the owners of their bins",
    "repeat": "distributed counts stay so", "reshape": "a copy where NumPy makes one", "ravel": "a copy where NumPy makes one",
    "resize": "the method works in place", "shares_memory": "knows both kinds of arrays",
    "trim_zeros": "looks at all elements: a fold", "vectorize": "calls for the rank's own elements", "ufunc": "ours",
    "where": "with one argument as `nonzero`", "require": "a copy where NumPy makes one",
    "show_runtime": "ranks and threads first", "tensordot": "as `matmul`",
    "sort": "stable, whatever `kind` says", "argsort": "stable, whatever `kind` says", "unique": "in order, whatever `sorted` says",
    "isin": "up to 65536 test elements are looked up on every rank, more in their order", "interp": "of a table of other nodes the points around each element are asked for", "median": "of a whole array nothing moves: counts are exchanged",
    "percentile": "as `median`", "quantile": "as `median`", "nanmedian": "as `median`", "nanpercentile": "as `median`",
    "nanquantile": "as `median`", "test": "NumPy's tests are of NumPy", "mask_indices": "the function gets a matrix of ours", "unwrap": "a scan follows",
}

# What to do instead of what is refused, by the beginnings of names.
INSTEAD = {
    "matrix": "use arrays of two axes", "asmatrix": "use arrays of two axes", "bmat": "use arrays of two axes, and block",
    "rec": "keep an array for each field", "busday": "use numpy's, of its own arrays of dates", "is_busday": "use numpy's, of its own arrays of dates",
    "datetime_": "use numpy's, of its own arrays of dates", "char": "use numpy's, of its own arrays of texts",
    "strings": "use numpy's, of its own arrays of texts", "ma": "use masks that are arrays, with where=, and the functions nan...",
    "load": "use numpy's, and gain.asarray of what it gives", "fromfile": "use numpy's, and gain.asarray of what it gives",
    "fromregex": "use numpy's, and gain.asarray of what it gives", "genfromtxt": "use numpy's, and gain.asarray of what it gives",
    "memmap": "use numpy's, and gain.asarray of what it gives", "save": "use numpy's, of x.numpy(), on one rank", "test": "NumPy's tests are of NumPy",
}

# Types that exist as names but not as arrays.
NO_ARRAYS = (
    "bytes_ character clongdouble complex256 datetime64 flexible float128 longdouble object_ str_ timedelta64 void".split()
)


@functools.cache
def _table():
    """Chapter, way and note by name."""
    found = {}
    for chapter, groups in CHAPTERS.items():
        for way, names in groups.items():
            for name in names.split():
                found[name] = (chapter, way, NOTES.get(name, ""))
    for name in dir(numpy):
        thing = getattr(numpy, name) if not name.startswith("_") else None
        if name in found or name.startswith("_"):
            continue
        if isinstance(thing, numpy.ufunc):
            way = "product" if thing.__name__ in ("matmul", "matvec", "vecmat", "vecdot") else "local"
            found[name] = ("Universal functions", way, "")
        elif isinstance(thing, type) and issubclass(thing, numpy.generic):
            note = "arrays of it are refused at the call" if name in NO_ARRAYS else ""
            found[name] = ("Types and memory", "type", note)
    return found


def instead(name):
    """What to do instead of what is refused, as the end of a message; nothing if nobody knows."""
    found = next((INSTEAD[start] for start in INSTEAD if name == start or len(start) > 2 and name.startswith(start)), None)
    return f": {found}" if found else ""


def ways():
    """How each function of NumPy's is computed: a dictionary from names to pairs, the way and what differs from NumPy.

    The ways are `"local"`, `"view"`, `"halo"`, `"fold"`, `"exchange"`, `"product"`, `"index"`, `"sort"`, `"calls"`, `"words"` and `"stream"`,
    which keep distributed arrays where they are; `"gather"`, which shows all elements on every rank; `"replicated"`, of what every rank
    does alike; `"NumPy"`, of what is handed to NumPy, as `set_fallback` tells; `"refused"`; and `"type"`, of NumPy's own types.
    """
    return {name: (way, note) for name, (_, way, note) in _table().items()}
