"""Malformed data, and a report of how it was answered."""

import random
from collections import Counter
from dataclasses import dataclass, field

PIECES = (
    b"[" * 50, b"{", b'"', b"\x00", b"1e999", b"-", b"null", b"\xff", b"9" * 400, b"NaN", b"\\u",
    b"\\ud800", b"\r\n", b"Transfer-Encoding: chunked\r\n", b"%2F", b"\x80\x80\x80\x80\x80\x01",
)  # fmt: skip


@dataclass
class Report:
    """The requests, the answers, and the problems."""

    sent: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def judge(self, kind: str, answer: str, allowed: bool, sent: object) -> None:
        self.sent[kind] += 1
        self.answers[answer] += 1
        if not allowed:
            self.problems.append(f"{kind}: {answer} for {sent!r}"[:2000])

    def text(self) -> str:
        mega = [value >> 20 for value in self.memory]
        return (
            f"requests   {sum(self.sent.values())} {dict(self.sent)}\n"
            f"answers    {dict(self.answers.most_common())}\n"
            f"problems   {len(self.problems)}\n"
            f"memory     {mega[0]} MB after a fifth, {mega[-1]} MB at the end"
        )


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Returns the data with a few bytes changed, deleted, repeated or inserted."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[place : place + chance.randint(1, 8)]
            case 2:
                changed[place:place] = changed[place : place + chance.randint(1, 30)]
            case 3:
                del changed[place:]
            case _:
                changed[place:place] = chance.choice(PIECES)
    return bytes(changed)
