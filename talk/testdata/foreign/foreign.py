#!/usr/bin/env python3
"""A client of TuiTalk in another language, with the standard library alone,
written against the comment of package talk (talk/doc.go) and nothing else.

    foreign.py --url ws://127.0.0.1:8080/ws --form json|extended|bincode \\
               --room 7 --name ada --text hello
    foreign.py --selftest

It joins a room, posts a text, waits until the text comes back through the room,
and fetches it from history. What it gets it prints, a JSON object per line. It
exits with 0 only when all of that worked.
"""

import argparse
import base64
import hashlib
import json
import os
import pathlib
import secrets
import socket
import struct
import sys
import threading
import time
import urllib.parse
import uuid


class Failure(Exception):
    """What the user is told before the program exits with 1."""


# --- JSON -------------------------------------------------------------------


def to_json(message):
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(data):
    message = json.loads(data.decode())
    if not isinstance(message, dict) or len(message) != 1:
        raise Failure("a message is an object with one key")
    return message


# --- bincode 1.3 ------------------------------------------------------------

# Every variant has its place in this list as its number.
VARIANTS = [
    ("JoinRoom", [("room_id", "i32"), ("uuid", "uuid"), ("username", "string"), ("unixtime", "u64")]),
    ("LeaveRoom", [("room_id", "i32"), ("uuid", "uuid"), ("username", "string"), ("unixtime", "u64")]),
    ("ChangeName", [("uuid", "uuid"), ("username", "string"), ("old_username", "string"), ("unixtime", "u64")]),
    ("Fetch", [("room_id", "i32"), ("limit", "i64"), ("fetch_before", "u64")]),
    ("LocalError", [("message", "string")]),
    ("UserJoined", [("uuid", "uuid"), ("username", "string"), ("room_id", "i32"), ("unixtime", "u64")]),
    ("UserLeft", [("uuid", "uuid"), ("username", "string"), ("room_id", "i32"), ("unixtime", "u64")]),
    ("UsernameChanged", [("uuid", "uuid"), ("username", "string"), ("old_username", "string"), ("unixtime", "u64")]),
    ("History", [("text", "messages")]),
    ("Error", [("code", "string"), ("message", "string")]),
    ("PostMessage", [("message", "post")]),
]
POST = [("uuid", "uuid"), ("username", "string"), ("text", "string"), ("room_id", "i32"), ("unixtime", "u64")]
NUMBERS = {name: number for number, (name, _) in enumerate(VARIANTS)}
INTEGERS = {"u32": "<I", "i32": "<i", "u64": "<Q", "i64": "<q"}


def to_bincode(message):
    (name, fields), = message.items()
    number = NUMBERS[name]
    return struct.pack("<I", number) + pack_fields(VARIANTS[number][1], fields)


def pack_fields(layout, fields):
    return b"".join(pack(kind, fields[name]) for name, kind in layout)


def pack(kind, value):
    if kind in INTEGERS:
        return struct.pack(INTEGERS[kind], value)
    if kind == "string":
        data = value.encode()
        return struct.pack("<Q", len(data)) + data
    if kind == "uuid":
        return struct.pack("<Q", 16) + uuid.UUID(value).bytes
    if kind == "messages":
        return struct.pack("<Q", len(value)) + b"".join(map(to_bincode, value))
    return pack_fields(POST, value)


class Unpacker:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if size > len(self.data) - self.at:
            raise Failure("the bincode ends too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def integer(self, kind):
        code = INTEGERS[kind]
        return struct.unpack(code, self.take(struct.calcsize(code)))[0]

    def value(self, kind):
        if kind in INTEGERS:
            return self.integer(kind)
        if kind == "string":
            return self.take(self.integer("u64")).decode()
        if kind == "uuid":
            if self.integer("u64") != 16:
                raise Failure("a uuid has 16 bytes")
            return str(uuid.UUID(bytes=self.take(16)))
        if kind == "messages":
            return [self.message() for _ in range(self.integer("u64"))]
        return self.fields(POST)

    def fields(self, layout):
        return {name: self.value(kind) for name, kind in layout}

    def message(self):
        number = self.integer("u32")
        if number >= len(VARIANTS):
            raise Failure(f"there is no variant {number}")
        name, layout = VARIANTS[number]
        return {name: self.fields(layout)}


def from_bincode(data):
    unpacker = Unpacker(data)
    message = unpacker.message()
    if unpacker.at != len(data):
        raise Failure("there are bytes behind the bincode")
    return message


# --- WebSocket (RFC 6455) ---------------------------------------------------

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
MOST = 1 << 20  # what a server's message may have


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def frame(opcode, payload, mask=None):
    """One unfragmented frame as a client sends it: masked."""
    mask = mask or os.urandom(4)
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


class WebSocket:
    def __init__(self, connection, timeout):
        self.connection = connection
        self.deadline = time.monotonic() + timeout
        self.buffer = b""

    @classmethod
    def open(cls, url, timeout):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "ws":
            raise Failure("the url must begin with ws://")
        port = parts.port or 80
        ws = cls(socket.create_connection((parts.hostname, port), timeout), timeout)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        ws.handshake(path, parts.netloc)
        return ws

    def handshake(self, path, host):
        key = base64.b64encode(os.urandom(16)).decode()
        self.connection.sendall((
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > 1 << 14:
                raise Failure("the answer to the handshake does not end")
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status, *lines = head.decode("latin-1").split("\r\n")
        if status.split(" ")[1:2] != ["101"]:
            raise Failure(f"no WebSocket here: {status}")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("sec-websocket-accept") != accept_of(key):
            raise Failure("the server did not answer this handshake")

    def more(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Failure("the time is up")
        self.connection.settimeout(left)
        try:
            data = self.connection.recv(1 << 16)
        except TimeoutError:
            raise Failure("the time is up") from None
        if not data:
            raise Failure("the connection broke")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_frame(self):
        first, second = self.take(2)
        if first & 0x70 or second & 0x80:
            raise Failure("a server's frame has no reserved bits and no mask")
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self.take(8))
        if size > MOST:
            raise Failure("a frame is too large")
        return first & 0x80, first & 0x0F, self.take(size)

    def receive(self):
        """The next message: TEXT or BINARY, and its payload."""
        kind, payload = None, b""
        while True:
            final, opcode, part = self.read_frame()
            if opcode == PING:
                self.connection.sendall(frame(PONG, part))
                continue
            if opcode == PONG:
                continue
            if opcode == CLOSE:
                code = struct.unpack("!H", part[:2])[0] if len(part) > 1 else 1005
                raise Failure(f"the server closed: {code} {part[2:].decode()}")
            if (opcode == CONTINUATION) != (kind is not None):
                raise Failure("a fragment out of place")
            kind = kind if opcode == CONTINUATION else opcode
            payload += part
            if len(payload) > MOST:
                raise Failure("a message is too large")
            if final:
                return kind, payload

    def send(self, opcode, payload):
        self.connection.sendall(frame(opcode, payload))

    def close(self):
        self.send(CLOSE, struct.pack("!H", 1000))
        self.connection.close()


# --- The conversation -------------------------------------------------------


class Client:
    """One connection, in one form."""

    def __init__(self, ws, form):
        self.ws = ws
        self.binary = form == "bincode"

    def send(self, variant, **fields):
        message = {variant: fields}
        if self.binary:
            self.ws.send(BINARY, to_bincode(message))
        else:
            self.ws.send(TEXT, to_json(message))

    def receive(self):
        """The next message that is no Ping, as its variant and its fields."""
        while True:
            kind, payload = self.ws.receive()
            if (kind == BINARY) != self.binary:
                raise Failure("the server answered in the other form")
            message = from_bincode(payload) if self.binary else from_json(payload)
            print(to_json(message).decode(), flush=True)
            (variant, fields), = message.items()
            if variant != "Ping":
                return variant, fields
            self.send("Pong", n=fields["n"])

    def wait(self, wanted):
        """Reads on until wanted(variant, fields) is true; an Error ends all."""
        while True:
            variant, fields = self.receive()
            if wanted(variant, fields):
                return fields
            if variant == "Error":
                raise Failure(f"refused: {fields['code']}: {fields['message']}")


def uuid_of(secret):
    """The identity that a secret proves. A client that waits for Welcome need not know."""
    digest = bytearray(hashlib.sha256(b"tuitalk identity 1\n" + bytes.fromhex(secret)).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def talk_original(client, room, name, text):
    """In the original's forms nothing is acknowledged: what comes back through
    the room was taken."""
    me = str(uuid.uuid4())
    now = int(time.time())
    client.send("JoinRoom", room_id=room, uuid=me, username=name, unixtime=now)
    client.wait(lambda v, f: v == "UserJoined" and f["uuid"] == me and f["room_id"] == room)

    def mine(variant, fields):
        post = fields.get("message")
        return variant == "PostMessage" and (post["uuid"], post["text"], post["room_id"]) == (me, text, room)

    client.send("PostMessage", message={"uuid": me, "username": name, "text": text, "room_id": room, "unixtime": now})
    post = client.wait(mine)["message"]
    if post["username"] != name:
        raise Failure(f"the name became {post['username']}")
    # The page before the next second has all of this one.
    client.send("Fetch", room_id=room, limit=50, fetch_before=post["unixtime"] + 1)
    found = []
    while not found:  # a long answer is several
        history = client.wait(lambda v, f: v == "History")["text"]
        if not history:
            raise Failure("history lacks the message")
        found = [f for m in history for v, f in m.items() if mine(v, f) and f["message"] == post]
    client.send("LeaveRoom", room_id=room, uuid=me, username=name, unixtime=now)


def talk_extended(client, room, name, text):
    # Who it is: two lines. A client that is to be the same user tomorrow keeps the secret.
    secret = secrets.token_hex(32)
    client.send("Hello", client="foreign/1", secret=secret, session=str(uuid.uuid4()))
    me = client.wait(lambda v, f: v == "Welcome")["uuid"]
    if me != uuid_of(secret):
        raise Failure(f"the server derives {me} from the secret, not {uuid_of(secret)}")
    client.send("JoinRoom", room_id=room, uuid=me, username=name, unixtime=0)
    joined = client.wait(lambda v, f: v == "Joined")
    if joined["room_id"] != room or joined.get("reset") or joined["after_seq"] > joined["head_seq"]:
        raise Failure("joined another room, or at another place")
    if me not in [member["uuid"] for member in joined["members"]] and joined["member_count"] <= 300:
        raise Failure("not a member of the room that was joined")

    post = post_until_stored(client, me, room, name, text)

    client.send("Fetch", room_id=room, limit=50, fetch_before=0, before_seq=post["seq"] + 1)
    entries, more = [], True
    while more:
        page = client.wait(lambda v, f: v == "History" and f.get("before_seq") == post["seq"] + 1)
        entries += page["text"]
        more = page.get("more", False)
    if {"PostMessage": {"message": post}} not in entries:
        raise Failure("history lacks the message")
    check_order(entries)
    client.send("LeaveRoom", room_id=room, uuid=me, username=name, unixtime=0)


def post_until_stored(client, me, room, name, text):
    """Says text, again after each refusal that allows it, and returns the entry
    as it came through the room once it is stored too."""
    message_id, turn = str(uuid.uuid4()), 0
    stored, entry = None, None

    def say():
        client.send("PostMessage", message={
            "uuid": me, "username": name, "text": text, "room_id": room, "unixtime": 0,
            "id": message_id, "round": turn})

    say()
    while stored is None or entry is None:
        variant, fields = client.receive()
        if variant == "Stored" and fields["id"] == message_id:
            stored = fields["seq"]
        elif variant == "Withdrawn" and fields["id"] == message_id:
            say()
        elif variant == "PostMessage" and fields["message"].get("id") == message_id:
            if not fields["message"].get("pending"):
                entry = fields["message"]
        elif variant == "Error":
            if fields.get("id") != message_id or not fields.get("retry"):
                raise Failure(f"refused: {fields['code']}: {fields['message']}")
            time.sleep(fields.get("retry_ms", 0) / 1000)
            turn += 1
            say()
    if (entry["seq"], entry["uuid"], entry["text"], entry["username"]) != (stored, me, text, name):
        raise Failure("the entry is not what was said, or not what was stored")
    return entry


def check_order(entries):
    """A page has every seq once, ascending."""
    seqs = []
    for message in entries:
        (variant, fields), = message.items()
        seqs.append((fields["message"] if variant == "PostMessage" else fields)["seq"])
    if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        raise Failure(f"history is out of order or has holes: {seqs}")


# --- The self-test ----------------------------------------------------------


def selftest():
    golden = pathlib.Path(__file__).resolve().parent.parent / "golden"
    checked = 0
    for path in sorted(golden.glob("*.json")):
        data = path.read_bytes()
        expect(to_json(from_json(data)) == data, f"{path.name} comes back")
        checked += 1
    for path in sorted(golden.glob("*.bincode")):
        data = path.read_bytes()
        message = from_json(path.with_suffix(".json").read_bytes())
        expect(from_bincode(data) == message, f"{path.name} reads as its JSON")
        expect(to_bincode(message) == data, f"{path.name} comes back")
        for cut in range(len(data)):
            expect(refuses(from_bincode, data[:cut]), f"{path.name} cut at {cut} is refused")
        expect(refuses(from_bincode, data + b"\0"), f"{path.name} and a byte is refused")
        checked += 1
    expect(checked > 50, "there are golden vectors")
    expect(uuid_of(bytes(range(32)).hex()) == "b58ec876-c5b7-8146-9e66-92e1053b159b", "a secret leads to its uuid")
    selftest_frames()
    print(f"{checked} vectors and the frames are right")


def expect(condition, what):
    if not condition:
        raise Failure("not so: " + what)


def refuses(read, data):
    try:
        read(data)
    except Failure:
        return True
    return False


def selftest_frames():
    # The examples of RFC 6455, sections 1.3 and 5.7.
    expect(accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the handshake's answer")
    masked = bytes.fromhex("818537fa213d7f9f4d5158")
    expect(frame(TEXT, b"Hello", bytes.fromhex("37fa213d")) == masked, "a masked frame")
    expect(frame(TEXT, b"x" * 126)[1:4] == b"\xfe\x00\x7e", "a length of 16 bits")
    expect(frame(TEXT, b"x" * 65536)[1:10] == b"\xff" + (65536).to_bytes(8, "big"), "a length of 64 bits")

    here, there = socket.socketpair()
    with here, there:
        ws = WebSocket(here, 10)
        long = b"y" * 70000
        # In fragments, with a ping between them; then one of 64 bits of length; then a close.
        script = (b"\x01\x03Hel" + b"\x89\x02hi" + b"\x80\x02lo"
                  + b"\x82\x7f" + struct.pack("!Q", len(long)) + long
                  + b"\x88\x06\x0f\xabslow")
        writer = threading.Thread(target=there.sendall, args=(script,))
        writer.start()
        expect(ws.receive() == (TEXT, b"Hello"), "fragments are joined")
        expect(ws.receive() == (BINARY, long), "a long frame is read")
        writer.join()
        pong = there.recv(100)
        expect(pong[:2] == b"\x8a\x82" and bytes(b ^ pong[2 + i % 4] for i, b in enumerate(pong[6:])) == b"hi", "a ping is answered")
        try:
            ws.receive()
            expect(False, "a close ends it")
        except Failure as end:
            expect(str(end) == "the server closed: 4011 slow", "a close tells why")


# --- The program ------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description="A client of TuiTalk that tries a server once.")
    parser.add_argument("--url", default="ws://127.0.0.1:8080/ws")
    parser.add_argument("--form", choices=["json", "extended", "bincode"], default="json")
    parser.add_argument("--room", type=int, default=7)
    parser.add_argument("--name", default="ada")
    parser.add_argument("--text", default="hello")
    parser.add_argument("--timeout", type=float, default=20, help="seconds for all of it")
    parser.add_argument("--selftest", action="store_true", help="check codec and frames, without a server")
    args = parser.parse_args()
    try:
        if args.selftest:
            selftest()
            return
        ws = WebSocket.open(args.url, args.timeout)
        client = Client(ws, args.form)
        conversation = talk_extended if args.form == "extended" else talk_original
        conversation(client, args.room, args.name, args.text)
        ws.close()
    except (Failure, OSError, ValueError, KeyError) as error:
        sys.exit(f"foreign.py: {error!r}" if isinstance(error, KeyError) else f"foreign.py: {error}")


if __name__ == "__main__":
    main()
