"""Memory in common with others by DLPack: capsules as the header describes them, taken apart and put together by ctypes."""

import ctypes
import gc
import threading

import numpy
import pytest

import gain


class Tensor(ctypes.Structure):
    """`DLTensor`, and with it the managed ones, of the header of DLPack 1.1."""

    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p), ("deleter", DELETER),
        ("flags", ctypes.c_uint64), ("tensor", Tensor),
    ]


python = ctypes.pythonapi
python.PyCapsule_New.restype = ctypes.py_object
python.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
python.PyCapsule_GetPointer.restype = ctypes.c_void_p
python.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
python.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
KINDS = {"versioned": (b"dltensor_versioned", b"used_dltensor_versioned", Versioned), "legacy": (b"dltensor", b"used_dltensor", Managed)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_consumer_of_capsules(kind):
    fresh, used, struct = KINDS[kind]
    given = {"max_version": (1, 1)} if kind == "versioned" else {}
    mine = gain.arange(24.0).reshape(4, 6)
    capsule = mine[1:, ::2].__dlpack__(**given)
    found = struct.from_address(python.PyCapsule_GetPointer(capsule, fresh))
    tensor = found.tensor
    assert (tensor.device_type, tensor.code, tensor.bits, tensor.lanes, tensor.ndim) == (1, 2, 64, 1, 2)
    assert tensor.shape[:2] == [3, 3] and tensor.strides[:2] == [6, 2]
    assert kind == "legacy" or (found.major, found.flags) == (1, 0)
    python.PyCapsule_SetName(capsule, used)
    del capsule
    gc.collect()
    seen = ctypes.c_double.from_address(tensor.data + tensor.byte_offset)
    assert seen.value == 6
    mine[1, 0] = 60
    assert seen.value == 60
    seen.value = 61
    assert float(mine[1, 0]) == 61 and mine._memory()[2] is not None
    found.deleter(ctypes.addressof(found))
    gc.collect()
    assert mine._memory()[2] is None
    # A capsule that nobody takes.
    capsule = mine.__dlpack__(**given)
    assert mine._memory()[2] is not None
    del capsule
    gc.collect()
    assert mine._memory()[2] is None
    copied = gain.arange(3).__dlpack__(copy=True, **given)
    del copied
    with pytest.raises(BufferError):
        mine.__dlpack__(dl_device=(2, 0))
    with pytest.raises(RuntimeError):
        mine.__dlpack__(stream=1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_producer_of_capsules(kind):
    fresh, _, struct = KINDS[kind]
    deleted, memory, all_made = [], numpy.arange(6.0), []

    class Producer:
        def __dlpack_device__(self):
            return (1, 0)

        def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
            made = struct()
            all_made.append(made)
            made.tensor = Tensor(memory.ctypes.data, 1, 0, 1, 2, 64, 1, (ctypes.c_int64 * 1)(3), (ctypes.c_int64 * 1)(2), 0)
            made.deleter = DELETER(lambda address: deleted.append(address))
            if kind == "versioned":
                made.major, made.minor = 1, 0
            return python.PyCapsule_New(ctypes.addressof(made), fresh, None)

    producer = Producer()
    mine = gain.from_dlpack(producer)
    assert mine.tolist() == [0, 2, 4] and deleted == [] and mine.flags.writeable == (kind == "versioned")
    part, made = mine[1:], mine + 1
    memory[2] = 20
    assert part.tolist() == [20, 4] and made.tolist() == [1, 3, 5]
    del mine
    gc.collect()
    assert deleted == []
    del part
    gc.collect()
    assert deleted == [ctypes.addressof(all_made[0])]
    copy = gain.from_dlpack(producer, copy=True)
    gc.collect()
    assert len(deleted) == 2 and copy.flags.writeable and copy.base is None
    # Dropped where nobody holds the interpreter's lock.
    gain.from_dlpack(producer).sum()
    for _ in range(3):
        kept = [gain.from_dlpack(producer) for _ in range(5)]
        worker = threading.Thread(target=kept.clear)
        worker.start()
        worker.join()
    gc.collect()
    assert len(deleted) == 18
