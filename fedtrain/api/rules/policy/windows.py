"""`windows`: times at which tasks may start."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fedtrain.api.participant_policy import ParticipantPolicySpec, Window
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.policy.rule import Request, Situation, holds
from fedtrain.api.rules.rule import Cel, Violations, broken, rule

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@holds("windows", then="The task starts by itself when the next window opens")
def a_window_is_open(request: Request, policy: ParticipantPolicySpec, situation: Situation) -> str | None:
    if not policy.windows or any(_is_open(window, situation.now) for window in policy.windows):
        return None
    return f"tasks start only within {'; '.join(map(_words, policy.windows[:3]))}"


def _is_open(window: Window, now: float) -> bool:
    """A window that started yesterday may still be open."""
    zone = _zone(window.time_zone)
    if zone is None:
        return False
    here = datetime.fromtimestamp(now, zone)
    opens, closes = time.fromisoformat(window.start), time.fromisoformat(window.end)
    for start in (here.date(), here.date() - timedelta(days=1)):
        end = start + timedelta(days=0 if closes > opens else 1)
        on_day = not window.days or _DAYS[start.weekday()] in window.days
        if on_day and datetime.combine(start, opens, zone) <= here < datetime.combine(end, closes, zone):
            return True
    return False


def _words(window: Window) -> str:
    days = ", ".join(window.days) or "every day"
    unknown = "" if _zone(window.time_zone) else ", which is not a known time zone"
    return f"{days} {window.start} to {window.end} ({window.time_zone}{unknown})"


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@rule(
    Window,
    "timeZone",
    message="{zone} is not a known time zone.",
    fix="Use a name of the IANA database, such as Europe/Berlin or UTC.",
)
def time_zone_is_known(window: Window, context: Context) -> Violations:
    """`timeZone` is a name of the IANA time-zone database."""
    if _zone(window.time_zone) is None:
        yield broken(zone=window.time_zone)


@rule(
    Window,
    "end",
    message="start and end are both {time}.",
    fix="Use two different times, or remove the window: without windows, tasks start at any time.",
    cel=Cel(valid="self.start != self.end", values={"time": "self.end"}),
)
def window_has_a_length(window: Window, context: Context) -> Violations:
    """`start` and `end` of a window differ."""
    if window.start == window.end:
        yield broken(time=window.end)
