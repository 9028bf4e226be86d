"""Rows to try a federation with: support tickets and their queue. Each participant sees mostly two of the queues."""

import json
from itertools import product

_OPENINGS = ("Hello,", "Hi there,", "Please help:", "Urgent:", "Good morning,")
_TICKETS = {
    "billing": ("I was charged twice for {}.", "the invoice for {} is wrong.", "please refund {}."),
    "access": ("I can't log in to {}.", "my password for {} has expired.", "please unlock my account for {}."),
    "delivery": ("{} has not arrived.", "where is {}?", "{} came damaged."),
}
_THINGS = ("the annual plan", "order 1182", "the mobile app", "the spare part", "the training course")


def _tickets(queue: str) -> list[str]:
    rows = product(_OPENINGS, _TICKETS[queue], _THINGS)
    return [_row(f"{opening} {ticket.format(thing)}", queue) for opening, ticket, thing in rows]


def _row(text: str, queue: str) -> str:
    return json.dumps({"prompt": f"{text} Queue:", "completion": f" {queue}"})


def sample_rows(participants: int) -> tuple[list[list[str]], list[str]]:
    """Each participant's JSONL lines, and held-out lines for the hub. No line is in two of them."""
    queues = list(_TICKETS)
    test = [row for queue in queues for row in _tickets(queue)[::5]]
    held = set(test)
    rest = {queue: [row for row in _tickets(queue) if row not in held] for queue in queues}
    shares: list[list[str]] = [[] for _ in range(participants)]
    for number, queue in enumerate(queues):
        for index, row in enumerate(rest[queue]):
            # three rows of four go to the participants in turn, the fourth to the one whose own queue this is
            turn = index if index % 4 else number
            shares[turn % participants].append(row)
    return shares, test
