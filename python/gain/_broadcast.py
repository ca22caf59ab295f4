"""`gain run --broadcast-imports`: rank 0 reads modules, and the others have them from it over the job's own network instead of looking for them in a file system
that all ranks share. Run as a program, before anything else of the package is loaded:

    python _broadcast.py PROGRAM.py | -m MODULE | -c TEXT  [ARGUMENTS]

On rank 0 a thread answers: where a module is (as `PathFinder` says there), its code, or the file of an extension, with the libraries that lie beside it. On the
others `Finder` has the place of `PathFinder`. Each rank has a part of a `_job.Line`: rank 0's has a request of each rank, the others' the answer, a piece at a time;
counters in them say whose turn it is. (`gain._job` is another module in the file of `gain._gain`, which needs neither NumPy nor the package.) A library is loaded from memory: on rank 0's node from rank 0's, elsewhere from a copy.

Invariant: what is found is what rank 0 finds with the same path. What only a rank itself can have (another finder's modules, archives) it has itself.
"""

# (Only what an interpreter has loaded by itself: all else is to come from rank 0.)
import _frozen_importlib as importing
import _frozen_importlib_external as finding
import _imp
import _thread
import marshal
import os
import sys
import time

# Bytes of a request, and of a piece of an answer.
REQUEST, PIECE = 1 << 14, 1 << 18
# The file of the module that is there before anything is broadcast, and isn't then.
CORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_gain.abi3.so")
# How long rank 0's thread looks often for the next request, and how long it then sleeps at most between two looks, in seconds.
BUSY, LAZY = 0.1, 0.01


def word(number):
    """A number as eight bytes."""
    return number.to_bytes(8, "little")


def numbers(data):
    """The numbers in bytes, eight each."""
    return memoryview(data).cast("Q").tolist()


# --- Libraries that lie beside extensions


def needed(data):
    """`(names of libraries that it needs, folders where to look for them)` of an ELF file of 64 bits; nothing of others."""
    if data[:6] != b"\x7fELF\x02\x01":
        return [], []
    import struct  # (on rank 0)

    start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    segments = [struct.unpack_from("<IIQQQQ", data, start + k * size) for k in range(count)]
    at = lambda address: next(offset + address - low for kind, _, offset, low, _, length in segments if kind == 1 and low <= address < low + length)
    entries = []
    for kind, _, offset, _, _, length in segments:
        if kind == 2:
            entries = [struct.unpack_from("<QQ", data, offset + k) for k in range(0, length, 16)]
    texts = next((at(value) for tag, value in entries if tag == 5), 0)
    text = lambda value: data[texts + value:data.index(b"\0", texts + value)].decode()
    folders = [folder for tag, value in entries if tag in (15, 29) for folder in text(value).split(":")]
    return [text(value) for tag, value in entries if tag == 1], folders


class Files:
    """Rank 0's: libraries in memory, by their path."""

    def __init__(self):
        self.known = {}

    def library(self, path):
        """`(path, descriptor, names of the system's that it needs, paths of those beside it)`"""
        path = os.path.realpath(path)
        if path not in self.known:
            with open(path, "rb") as file:
                data = file.read()
            memory = os.memfd_create(os.path.basename(path))
            left = memoryview(data)
            while left:
                left = left[os.write(memory, left):]
            wanted, folders = needed(data)
            folders = [folder.replace("$ORIGIN", os.path.dirname(path)).replace("${ORIGIN}", os.path.dirname(path)) for folder in folders if "ORIGIN" in folder]
            beside = [next((os.path.join(folder, one) for folder in folders if os.path.exists(os.path.join(folder, one))), None) for one in wanted]
            others = [name for name, found in zip(wanted, beside) if not found]
            self.known[path] = path, memory, others, [os.path.realpath(one) for one in beside if one]
        return self.known[path]

    def with_others(self, path, met=None):
        """The library and those that it needs, these first."""
        met = {} if met is None else met
        if os.path.realpath(path) not in met:
            library = self.library(path)
            met[library[0]] = None
            for other in library[3]:
                self.with_others(other, met)
            del met[library[0]]
            met[library[0]] = library[1:3]
        return met


# --- Rank 0


class Server:
    """Answers the other ranks, in a thread."""

    def __init__(self, line, ranks):
        self.line, self.ranks = line, ranks
        self.answered = [0] * ranks
        self.rest = {}
        self.cache, self.files = {}, Files()
        self.left = ranks - 1
        # Held until all others have ended.
        self.busy = _thread.allocate_lock()
        self.busy.acquire()
        self.interval = sys.getswitchinterval()
        # (This rank imports as well, and the others are not to wait for that.)
        sys.setswitchinterval(1e-4)
        _thread.start_new_thread(self.serve, ())

    def serve(self):
        """Until all others have ended their program."""
        last = time.monotonic()
        while self.left:
            is_idle = True
            counters = numbers(self.line.get(0, 0, 8 * self.ranks))
            for rank in range(1, self.ranks):
                if counters[rank] > self.answered[rank]:
                    self.answered[rank] += 1
                    self.answer(rank)
                    is_idle, last = False, time.monotonic()
            if is_idle:
                waited = time.monotonic() - last
                time.sleep(5e-5 if waited < BUSY else min(LAZY, waited / 100))
        sys.setswitchinterval(self.interval)
        self.busy.release()

    def answer(self, rank):
        """The next piece of an answer."""
        left = self.rest.pop(rank, None)
        if left is None:
            begin = 8 * self.ranks + REQUEST * rank
            length, = numbers(self.line.get(0, begin, 8))
            request = marshal.loads(self.line.get(0, begin + 8, length))
            if request == "end":
                self.left -= 1
                return
            left = memoryview(self.made(request))
        piece, left = left[:PIECE], left[PIECE:]
        if left:
            self.rest[rank] = left
        self.line.put(rank, 8, word(len(piece)) + word(len(left)) + piece)
        self.line.signal(rank, 0)

    def made(self, request):
        """The answer to a request, as bytes."""
        if isinstance(request, int):
            return os.pread(request, os.fstat(request).st_size, 0)
        key = repr(request)
        if key not in self.cache:
            try:
                self.cache[key] = marshal.dumps(self.found(*request))
            except Exception as error:  # noqa: BLE001 - whoever asked looks for itself then
                self.cache[key] = marshal.dumps(("own", str(error)))
        return self.cache[key]

    def found(self, kind, name, path):
        """What there is under a name in these folders, or the text of a file."""
        if kind == "source":
            with open(path, "rb") as file:
                return file.read()
        spec = finding.PathFinder.find_spec(name, path)
        if spec is None:
            return "none", None
        loader, folders = spec.loader, spec.submodule_search_locations
        folders = None if folders is None else list(folders)
        if type(loader) in (finding.SourceFileLoader, finding.SourcelessFileLoader):
            return "code", spec.origin, spec.cached, folders, loader.get_code(name)
        if type(loader) is finding.ExtensionFileLoader and os.path.realpath(spec.origin) == os.path.realpath(CORE):
            return "extension", spec.origin, folders, 0, [(CORE, None, [])]
        if type(loader) is finding.ExtensionFileLoader:
            return "extension", spec.origin, folders, os.getpid(), [(path, *rest) for path, rest in self.files.with_others(spec.origin).items()]
        if folders is not None and (loader is None or type(loader).__name__ in ("NamespaceLoader", "_NamespaceLoader")):
            return "folders", folders
        return "own", None


# --- The others


class Finder:
    """In the place of `PathFinder`: asks rank 0."""

    def __init__(self, line, rank, ranks):
        self.line, self.rank, self.ranks = line, rank, ranks
        self.asked = 0
        self.lock = _thread.RLock()
        self.is_near = line.is_near(0)
        # Where libraries were loaded from, by their path at rank 0, and what keeps them.
        self.libraries, self.kept = {CORE: CORE}, {}

    def tell(self, request):
        """Sends a request."""
        text = marshal.dumps(request)
        if len(text) + 8 > REQUEST:
            return False
        self.line.put(0, 8 * self.ranks + REQUEST * self.rank, word(len(text)) + text)
        self.line.signal(0, 8 * self.rank)
        return True

    def ask(self, request):
        """The answer to a request, as bytes; None if that is too long to be asked."""
        with self.lock:
            if not self.tell(request):
                return None
            pieces = []
            while True:
                self.asked += 1
                self.line.wait(0, self.asked)
                length, left = numbers(self.line.get(self.rank, 8, 16))
                pieces.append(self.line.get(self.rank, 24, length))
                if not left:
                    return b"".join(pieces)
                self.line.signal(0, 8 * self.rank)

    def find_spec(self, name, path=None, target=None):
        """The module's place as rank 0 sees it."""
        folders = list(sys.path if path is None else path)
        if not all(isinstance(folder, str) for folder in folders):
            return finding.PathFinder.find_spec(name, path, target)
        told = self.ask(("module", name, folders))
        kind, *found = ("own", None) if told is None else marshal.loads(told)
        if kind == "none":
            return None
        if kind == "code":
            origin, cached, inner, code = found
            spec = importing.ModuleSpec(name, CodeLoader(self, name, origin, code), origin=origin, is_package=inner is not None)
            spec.has_location, spec.cached = True, cached
        elif kind == "extension":
            origin, inner, process, libraries = found
            spec = importing.ModuleSpec(name, ExtensionLoader(self, name, origin, process, libraries), origin=origin, is_package=inner is not None)
            spec.has_location = True
        elif kind == "folders":
            spec, inner = importing.ModuleSpec(name, None, is_package=True), found[0]
        else:
            return finding.PathFinder.find_spec(name, path, target)
        if inner is not None:
            spec.submodule_search_locations[:] = inner
        return spec

    def invalidate_caches(self):
        """There are none."""

    def find_distributions(self, context=None):
        """`importlib.metadata` looks for files by itself."""
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        return MetadataPathFinder.find_distributions(context or DistributionFinder.Context())

    def load(self, places):
        """Loads libraries, by name or by path, that have not been."""
        for name in places.keys() - self.kept.keys():
            self.kept[name] = None
            import ctypes

            try:
                self.kept[name] = ctypes.CDLL(places[name])
            except OSError:
                # (Who needs it says so.)
                pass

    def place(self, path, process, descriptor):
        """Where in memory there is a library of rank 0's."""
        if path not in self.libraries:
            if self.is_near:
                self.libraries[path] = f"/proc/{process}/fd/{descriptor}"
            else:
                file, left = os.memfd_create(os.path.basename(path)), memoryview(self.ask(descriptor))
                while left:
                    left = left[os.write(file, left):]
                self.libraries[path] = f"/proc/self/fd/{file}"
        return self.libraries[path]


class _Loader:
    """What both kinds of loaders have."""

    def __init__(self, finder, name, path):
        self.finder, self.name, self.path = finder, name, path

    def get_filename(self, name=None):
        """Where rank 0 has it."""
        return self.path

    def get_data(self, path):
        """The bytes of a file beside the module, which this rank reads by itself."""
        with open(path, "rb") as file:
            return file.read()

    def get_resource_reader(self, name):
        """As of any file."""
        from importlib.readers import FileReader

        return FileReader(self)


class CodeLoader(_Loader):
    """A module of which rank 0 has sent the code."""

    def __init__(self, finder, name, path, code):
        super().__init__(finder, name, path)
        self.code = code

    def create_module(self, spec):
        """The usual."""

    def exec_module(self, module):
        """Runs it."""
        code, self.code = self.code or self.get_code(self.name), None
        exec(code, module.__dict__)

    def is_package(self, name):
        """Whether modules are within."""
        return os.path.basename(self.path).startswith("__init__.")

    def get_code(self, name):
        """Its code, once more."""
        return self.code or finding.SourceFileLoader(name, self.path).get_code(name)

    def get_source(self, name):
        """Its text, for tracebacks."""
        told = self.finder.ask(("source", name, self.path)) if self.path.endswith(".py") and self.finder in sys.meta_path else None
        text = marshal.loads(told) if told else None
        return finding.SourceFileLoader(name, self.path).get_source(name) if not isinstance(text, bytes) else finding.decode_source(text)


class ExtensionLoader(_Loader):
    """A module whose file rank 0 has in memory."""

    def __init__(self, finder, name, path, process, libraries):
        super().__init__(finder, name, path)
        self.process, self.libraries = process, libraries

    def create_module(self, spec):
        """Loads libraries that it needs, then it."""
        *others, (path, descriptor, _) = self.libraries
        names = {name: name for *_, wanted in self.libraries for name in wanted}
        if others:
            # What is loaded is found by its own name, and not looked for in all the places where it might be.
            self.finder.load(names)
        for other, memory, _ in others:
            if other not in self.finder.libraries:
                self.finder.load({other: self.finder.place(other, self.process, memory)})
        place = self.finder.place(path, self.process, descriptor)
        module = _imp.create_dynamic(importing.ModuleSpec(spec.name, self, origin=place))
        module.__file__ = self.path
        return module

    def exec_module(self, module):
        """Its own beginning."""
        _imp.exec_dynamic(module)

    def is_package(self, name):
        """Whether modules are within."""
        return os.path.basename(self.path).startswith("__init__.")

    def get_code(self, name):
        """There is none."""

    def get_source(self, name):
        """There is none."""


# --- The program


def begin():
    """Has imports broadcast from now on; what is to be called when the program has ended."""
    job = _imp.create_dynamic(importing.ModuleSpec("gain._job", None, origin=CORE))
    _imp.exec_dynamic(job)
    rank, ranks = job.place()
    if ranks == 1:
        return lambda: None
    line = job.Line(ranks * (8 + REQUEST) if rank == 0 else PIECE + 64)
    if rank == 0:
        return Server(line, ranks).busy.acquire
    finder = Finder(line, rank, ranks)
    sys.meta_path[sys.meta_path.index(finding.PathFinder)] = finder

    def end():
        sys.meta_path[sys.meta_path.index(finder)] = finding.PathFinder
        with finder.lock:
            finder.tell("end")

    return end


def main():
    """Runs the program that the arguments name, as Python does."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-m", "-c") and len(sys.argv) < 3 or sys.argv[1].startswith("-") and sys.argv[1] not in ("-m", "-c"):
        sys.exit("gain: --broadcast-imports runs a file, -m MODULE or -c TEXT, without options of Python's")
    kind = sys.argv[1] if sys.argv[1].startswith("-") else "file"
    what = sys.argv[1 if kind == "file" else 2]
    end = begin()
    module = type(sys)("__main__")
    module.__builtins__ = __builtins__
    sys.modules["__main__"] = module
    try:
        if kind == "-m":
            sys.argv[:3] = [what]
            sys.path.insert(0, os.getcwd())
            import runpy

            runpy._run_module_as_main(what)
        elif kind == "-c":
            sys.argv[:3] = ["-c"]
            sys.path.insert(0, "")
            exec(compile(what, "<string>", "exec"), module.__dict__)
        else:
            sys.argv[:2] = [what]
            sys.path.insert(0, os.path.dirname(os.path.realpath(what)))
            module.__file__ = what
            with open(what, "rb") as file:
                text = file.read()
            exec(compile(text, what, "exec"), module.__dict__)
    except SystemExit:
        end()
        raise
    end()


if __name__ == "__main__":
    main()
