"""Framing of messages on a stream socket: 4 bytes of length, big-endian, then msgpack."""

import struct

import msgspec

from bluey_server.messages import FromEngine, ToEngine

_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size

_encoder = msgspec.msgpack.Encoder()
_to_engine: msgspec.msgpack.Decoder[ToEngine] = msgspec.msgpack.Decoder(ToEngine)
_from_engine: msgspec.msgpack.Decoder[FromEngine] = msgspec.msgpack.Decoder(FromEngine)


def frame(message: msgspec.Struct) -> bytes:
    """The bytes that carry a message."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def body_length(head: bytes) -> int:
    """Bytes of the message that follows a head of LENGTH_BYTES."""
    length: int = _LENGTH.unpack(head)[0]
    return length


def read_to_engine(body: bytes) -> ToEngine:
    """A message for the engine. Raises msgspec.MsgspecError when it is none."""
    return _to_engine.decode(body)


def read_from_engine(body: bytes) -> FromEngine:
    """A message from the engine. Raises msgspec.MsgspecError when it is none."""
    return _from_engine.decode(body)
