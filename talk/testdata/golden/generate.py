#!/usr/bin/env python3
"""Writes the golden vectors beside it; with --check it compares them instead.

The bytes follow from serde_json's and bincode 1.3's rules, applied here by
hand, and from nothing of the Go code. See README.md.
"""

import json
import pathlib
import struct
import sys
import uuid

HERE = pathlib.Path(__file__).resolve().parent

# The original's enum: variants in the order of its declaration, which is the
# variant's number in bincode, with their fields in the order of theirs.
POST = [("uuid", "uuid"), ("username", "str"), ("text", "str"), ("room_id", "i32"), ("unixtime", "u64")]
ORIGINAL = {
    "JoinRoom": [("room_id", "i32"), ("uuid", "uuid"), ("username", "str"), ("unixtime", "u64")],
    "LeaveRoom": [("room_id", "i32"), ("uuid", "uuid"), ("username", "str"), ("unixtime", "u64")],
    "ChangeName": [("uuid", "uuid"), ("username", "str"), ("old_username", "str"), ("unixtime", "u64")],
    "Fetch": [("room_id", "i32"), ("limit", "i64"), ("fetch_before", "u64")],
    "LocalError": [("message", "str")],
    "UserJoined": [("uuid", "uuid"), ("username", "str"), ("room_id", "i32"), ("unixtime", "u64")],
    "UserLeft": [("uuid", "uuid"), ("username", "str"), ("room_id", "i32"), ("unixtime", "u64")],
    "UsernameChanged": [("uuid", "uuid"), ("username", "str"), ("old_username", "str"), ("unixtime", "u64")],
    "History": [("text", "events")],
    "Error": [("code", "str"), ("message", "str")],
    "PostMessage": [("message", "post")],
}
NUMBER = {name: number for number, name in enumerate(ORIGINAL)}
FIXED = {"i32": "<i", "i64": "<q", "u64": "<Q"}


def bincode_value(kind, value):
    if kind in FIXED:
        return struct.pack(FIXED[kind], value)
    if kind == "str":
        data = value.encode()
        return struct.pack("<Q", len(data)) + data
    if kind == "uuid":
        data = uuid.UUID(value).bytes
        return struct.pack("<Q", len(data)) + data
    if kind == "post":
        return b"".join(bincode_value(k, value[name]) for name, k in POST)
    return struct.pack("<Q", len(value)) + b"".join(bincode(event) for event in value)  # events


def bincode(message):
    (variant, fields), = message.items()
    data = struct.pack("<I", NUMBER[variant])
    return data + b"".join(bincode_value(kind, fields[name]) for name, kind in ORIGINAL[variant])


# The extended form in bincode: the fields above, then those of its own. A ? is
# serde's Option; what is within a list or an object is given below.
ENTRY = [("id?", "uuid"), ("seq?", "i64"), ("sent_at?", "u64"), ("pending?", "bool"), ("round?", "i32")]
EXTRAS = {
    "JoinRoom": [("after_seq?", "i64"), ("after_id?", "uuid"), ("after_time?", "u64")],
    "ChangeName": [("id?", "uuid")],
    "Fetch": [("before_seq?", "i64")],
    "UserJoined": ENTRY,
    "UserLeft": ENTRY,
    "UsernameChanged": [("room_id", "i32"), *ENTRY],
    "History": [("room_id?", "i32"), ("before_seq?", "i64"), ("more?", "bool"), ("complete?", "bool")],
    "Error": [("id?", "uuid"), ("retry?", "bool"), ("retry_ms?", "u32")],
}
FURTHER = {
    "Hello": [("client", "str"), ("secret?", "secret"), ("session?", "uuid")],
    "Welcome": [("uuid", "uuid"), ("server", "str"), ("limits", "limits")],
    "Joined": [("room_id", "i32"), ("head_seq", "i64"), ("after_seq", "i64"), ("members", "members"),
               ("member_count", "u32"), ("head_id?", "uuid"), ("reset?", "bool"),
               ("members_unknown?", "bool"), ("head_time?", "u64")],
    "Accepted": [("room_id", "i32"), ("id", "uuid")],
    "Stored": [("room_id", "i32"), ("id", "uuid"), ("seq", "i64")],
    "Withdrawn": [("room_id", "i32"), ("uuid", "uuid"), ("id", "uuid")],
    "Presence": [("room_id", "i32"), ("member_count", "u32")],
    "Reconnect": [("within_ms", "u32"), ("reset?", "bool")],
    "Gap": [("room_id", "i32"), ("from", "i64"), ("to", "i64"), ("to_id?", "uuid"), ("to_time?", "u64")],
    "Ping": [("n", "u32")],
    "Pong": [("n", "u32")],
}
EXTENDED_NUMBER = {name: number for number, name in enumerate([*ORIGINAL, *FURTHER])}
LIMITS = [(name, "u32") for name in ("text_bytes", "name_bytes", "name_clusters", "frame_bytes", "fetch_entries")]
MEMBER = [("uuid", "uuid"), ("username", "str")]


def extended_value(kind, value):
    if kind == "u32":
        return struct.pack("<I", value)
    if kind == "bool":
        return bytes([value])
    if kind == "secret":
        return struct.pack("<Q", 32) + bytes.fromhex(value)
    if kind == "limits":
        return extended_fields(LIMITS, value)
    if kind == "post":
        return extended_fields([*POST, *ENTRY], value)
    if kind == "members":
        return struct.pack("<Q", len(value)) + b"".join(extended_fields(MEMBER, member) for member in value)
    if kind == "events":
        events = [extended_bincode(event) for event in value]
        return struct.pack("<Q", len(value)) + b"".join(struct.pack("<Q", len(event)) + event for event in events)
    return bincode_value(kind, value)


def extended_fields(fields, values):
    data = b""
    for name, kind in fields:
        if not name.endswith("?"):
            data += extended_value(kind, values[name])
        elif name[:-1] in values:
            data += b"\1" + extended_value(kind, values[name[:-1]])
        else:
            data += b"\0"
    return data


def extended_bincode(message):
    (variant, values), = message.items()
    fields = [*ORIGINAL[variant], *EXTRAS.get(variant, [])] if variant in ORIGINAL else FURTHER[variant]
    return struct.pack("<I", EXTENDED_NUMBER[variant]) + extended_fields(fields, values)


def compact(message):
    """JSON as serde_json writes it: no white space, UTF-8 as it is, the escapes
    \\" \\\\ \\b \\f \\n \\r \\t, and \\u00xx in lower case for the other controls.
    Python's escapes are the same when it is told to leave UTF-8 alone."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


# Who speaks in the vectors.
ADA = "67e55044-10b1-426f-9247-bb680e5fe0c8"  # version 4: of a client of the original
SECRET = bytes(range(32)).hex()
BEN = "b58ec876-c5b7-8146-9e66-92e1053b159b"  # version 8: that of the secret
ID = "5f1d7a52-9c3e-4b08-8d61-f0a4c2e9b717"
NOW = 1_760_000_000


def post(username="ada", text="hello", room_id=7, unixtime=NOW, author=ADA, **extras):
    return {"PostMessage": {"message": {
        "uuid": author, "username": username, "text": text, "room_id": room_id, "unixtime": unixtime, **extras}}}


def entry(variant, **extras):
    return {variant: {"uuid": ADA, "username": "ada", "room_id": 7, "unixtime": NOW, **extras}}


def renamed(**extras):
    return {"UsernameChanged": {
        "uuid": ADA, "username": "lovelace", "old_username": "ada", "unixtime": NOW, **extras}}


CONTROLS = "".join(map(chr, range(0x20))) + "\x7f\u0080\u009f"

# In both of the original's forms.
BOTH = {
    "JoinRoom": {"JoinRoom": {"room_id": 7, "uuid": ADA, "username": "ada", "unixtime": NOW}},
    "LeaveRoom": {"LeaveRoom": {"room_id": 7, "uuid": ADA, "username": "ada", "unixtime": NOW}},
    "ChangeName": {"ChangeName": {"uuid": ADA, "username": "lovelace", "old_username": "ada", "unixtime": NOW}},
    "Fetch": {"Fetch": {"room_id": 7, "limit": 50, "fetch_before": NOW}},
    "Fetch-least": {"Fetch": {"room_id": -(2**31), "limit": -(2**63), "fetch_before": 0}},
    "Fetch-greatest": {"Fetch": {"room_id": 2**31 - 1, "limit": 2**63 - 1, "fetch_before": 2**64 - 1}},
    "LocalError": {"LocalError": {"message": "Input too long"}},
    "UserJoined": entry("UserJoined"),
    "UserLeft": entry("UserLeft"),
    "UsernameChanged": renamed(),
    "History": {"History": {"text": [entry("UserJoined"), post(), renamed(), entry("UserLeft")]}},
    "History-empty": {"History": {"text": []}},
    "Error": {"Error": {"code": "bad_text", "message": "A message has at most 4000 bytes."}},
    "PostMessage": post(),
    "PostMessage-least": post(username="", text="", room_id=-(2**31), unixtime=0),
    "PostMessage-greatest": post(room_id=2**31 - 1, unixtime=2**64 - 1),
    "PostMessage-escapes": post(text=CONTROLS + "\"quoted\" \\back\\ /slash/"),
    "PostMessage-unicode": post(
        username="Åda\u200d",
        text="ß Ω Ж א ع ह ไ 漢字 한글 \u2028\u2029 e\u0301 👩\U0001f3fd\u200d❤\ufe0f\u200d💋\u200d👨\U0001f3fd 🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f \ufeff\uffff\U0010ffff",
    ),
}

# In the extended form: extra fields, then extra variants.
EXTENDED = {
    "JoinRoom": {"JoinRoom": {
        "room_id": 7, "uuid": BEN, "username": "ben", "unixtime": 0, "after_seq": 41, "after_id": ID,
        "after_time": NOW}},
    "JoinRoom-fromstart": {"JoinRoom": {
        "room_id": 7, "uuid": BEN, "username": "ben", "unixtime": 0, "after_seq": 0}},
    "ChangeName": {"ChangeName": {
        "uuid": BEN, "username": "benjamin", "old_username": "ben", "unixtime": 0, "id": ID}},
    "Fetch": {"Fetch": {"room_id": 7, "limit": 50, "fetch_before": 0, "before_seq": 42}},
    "UserJoined": entry("UserJoined", id=ID, seq=1),
    "UserLeft": entry("UserLeft", id=ID, seq=2**63 - 1),
    "UsernameChanged": renamed(room_id=7, id=ID, seq=42),
    "History": {"History": {
        "text": [entry("UserJoined", id=ID, seq=1), post(id=ID, seq=2)],
        "room_id": 7, "before_seq": 3, "more": True, "complete": True}},
    "Error": {"Error": {
        "code": "flood", "message": "Slowly, please.", "id": ID, "retry": True, "retry_ms": 1500}},
    "PostMessage": post(id=ID, seq=42),
    "PostMessage-sent": post(author=BEN, username="ben", unixtime=0, id=ID, round=3),
    "PostMessage-pending": post(id=ID, sent_at=NOW - 1, pending=True),
    "PostMessage-stored-late": post(id=ID, seq=43, sent_at=NOW - 1),
    "Hello": {"Hello": {"client": "golden/1", "secret": SECRET, "session": ID}},
    "Hello-least": {"Hello": {"client": ""}},
    "Welcome": {"Welcome": {
        "uuid": BEN, "server": "gateway-1",
        "limits": {"text_bytes": 4000, "name_bytes": 64, "name_clusters": 32,
                   "frame_bytes": 65536, "fetch_entries": 500}}},
    "Joined": {"Joined": {
        "room_id": 7, "head_seq": 42, "after_seq": 41,
        "members": [{"uuid": ADA, "username": "ada"}, {"uuid": BEN, "username": "ben"}],
        "member_count": 2, "head_id": ID, "reset": True, "head_time": NOW}},
    "Joined-empty": {"Joined": {
        "room_id": 0, "head_seq": 0, "after_seq": 0, "members": [], "member_count": 0}},
    "Joined-unknown": {"Joined": {
        "room_id": 7, "head_seq": 42, "after_seq": 42, "members": [], "member_count": 0, "members_unknown": True}},
    "Accepted": {"Accepted": {"room_id": 7, "id": ID}},
    "Stored": {"Stored": {"room_id": 7, "id": ID, "seq": 42}},
    "Withdrawn": {"Withdrawn": {"room_id": 7, "uuid": BEN, "id": ID}},
    "Presence": {"Presence": {"room_id": 7, "member_count": 301}},
    "Reconnect": {"Reconnect": {"within_ms": 5000, "reset": True}},
    "Gap": {"Gap": {"room_id": 7, "from": 43, "to": 9000, "to_id": ID, "to_time": NOW}},
    "Gap-noid": {"Gap": {"room_id": 7, "from": 43, "to": 9000}},
    "Ping": {"Ping": {"n": 2**32 - 1}},
    "Pong": {"Pong": {"n": 0}},
}


def vectors():
    for name, message in BOTH.items():
        yield name + ".json", compact(message)
        yield name + ".bincode", bincode(message)
    for name, message in EXTENDED.items():
        yield name + ".extended.json", compact(message)
        yield name + ".extended.bin", extended_bincode(message)


def main():
    check = sys.argv[1:] == ["--check"]
    wrong = []
    for name, data in vectors():
        if not check:
            (HERE / name).write_bytes(data)
        elif (HERE / name).read_bytes() != data:
            wrong.append(name)
    if wrong:
        sys.exit("these differ: " + " ".join(wrong))


if __name__ == "__main__":
    main()
