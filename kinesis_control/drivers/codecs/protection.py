"""End-to-end protection of our own records: CRC-32, keyed BLAKE2s-64, keys per epoch, counters (docs/robot/wire.md, part 1).

Modelled on the end-to-end profiles of AUTOSAR, with a keyed code in addition; no conformance and no safety level is claimed.
The CRC finds accidents cheaply, the keyed code also finds a forger, the counter finds repeats, the echo finds delay.
"""

from enum import IntEnum
from hashlib import blake2s
from zlib import crc32

KEY_BYTES = 32
MAC_BYTES = 8
NONCE_BYTES = 8
TRAILER_BYTES = 4 + MAC_BYTES
"""CRC and keyed code at the end of every record."""

PUBLIC_KEY = bytes(KEY_BYTES)
"""Key of epoch 0, which is good for asking who somebody is and for nothing else."""

NO_NONCE = bytes(NONCE_BYTES)

_SESSION, _ARM = b"kin-sess", b"kin-arm\0"
_WRAP = 1 << 32


class Verdict(IntEnum):
    """What the end-to-end check says of a record."""

    OK = 0
    LENGTH = 1
    """Not as long as a record of its kind."""
    FORMAT = 2
    """Another version, or a value that the format does not have."""
    CRC = 3
    ADDRESS = 4
    """The data id of another bank or of the other direction."""
    STALE_EPOCH = 5
    """From a commander whose lease has ended."""
    MAC = 6
    """The keyed code is wrong: a forger, another robot or another boot of this bank."""
    COUNTER = 7
    """Repeated or older than the last one."""
    AGE = 8
    """Rests on a state that is too old."""
    LAYOUT = 9
    """For another order of the muscles."""


def session_key(robot_key: bytes, epoch: int) -> bytes:
    """Key of one lease; shape (32,) bytes. Epoch 0 has the public key.

    Only the guardian and the banks hold `robot_key`, so nobody can speak in the name of an epoch that was not granted to him.
    """
    return PUBLIC_KEY if epoch == 0 else blake2s(epoch.to_bytes(4, "little"), key=robot_key, person=_SESSION, digest_size=KEY_BYTES).digest()


def arm_token(robot_key: bytes, epoch: int, arm_count: int) -> bytes:
    """What the guardian hands out to arm once; 8 bytes. A bank takes each `arm_count` of an epoch once, in rising order."""
    message = epoch.to_bytes(4, "little") + arm_count.to_bytes(4, "little")
    return blake2s(message, key=robot_key, person=_ARM, digest_size=MAC_BYTES).digest()


def newer(counter: int, than: int) -> bool:
    """Whether a 32-bit counter is ahead of another one, wrap included."""
    return 0 < (counter - than) % _WRAP < _WRAP // 2


class Seal:
    """Writes and checks the trailer of records under one key.

    Args:
        key: session key, 32 bytes.
        nonce: boot nonce of the bank, which the code of a command covers too; none for states.
    """

    def __init__(self, key: bytes, nonce: bytes = NO_NONCE) -> None:
        self._mac = blake2s(digest_size=MAC_BYTES, key=key, salt=nonce)

    def close(self, record: memoryview) -> None:
        """Write CRC and keyed code into the last 12 bytes of `record`."""
        end = len(record) - TRAILER_BYTES
        record[end : end + 4] = crc32(record[:end]).to_bytes(4, "little")
        mac = self._mac.copy()
        mac.update(record[: end + 4])
        record[end + 4 :] = mac.digest()

    def authentic(self, record: memoryview) -> bool:
        """Whether the keyed code of `record` is right."""
        mac = self._mac.copy()
        mac.update(record[:-MAC_BYTES])
        return mac.digest() == record[-MAC_BYTES:]


def intact(record: memoryview) -> bool:
    """Whether the CRC of `record` is right."""
    end = len(record) - TRAILER_BYTES
    return crc32(record[:end]) == int.from_bytes(record[end : end + 4], "little")
