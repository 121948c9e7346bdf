#!/usr/bin/env python3
"""Makes zones.inc, periods.inc and firings.inc for tests/unit/test_zone.c and test_cron.c.

Run it in this folder with the tzdata that is to be tested: python3 zones.py [FOLDER]
FOLDER (default /usr/share/zoneinfo) holds tzdata.zi and the compiled zones; zic must be in PATH.

zones.inc    TZif files: each zone as zic makes it today (slim: footers matter), some also fat
periods.inc  when offset and name change, found by asking Python's zoneinfo at a grid of instants
firings.inc  when schedules fire around clock changes: each minute is looked at one by one
"""
import datetime
import os
import subprocess
import sys
import tempfile
import zoneinfo

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
GRID = 6 * 3600  # seconds; no zone below changes twice within it
YEARS = range(1880, 2101)
LINE = 24  # bytes of a zone in one line

FAT = ["Europe/Berlin", "Africa/Casablanca"]

# zone -> days (UTC) around which schedules are looked at
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "Australia/Lord_Howe": ["2026-04-04", "2026-10-03"],
    "Pacific/Apia": ["2011-12-30", "2011-09-24"],
    "America/Sao_Paulo": ["2018-11-04", "2019-02-17"],
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "Antarctica/Troll": ["2026-03-29", "2026-10-25"],
    "America/Nuuk": ["2026-03-29", "2026-10-25"],
    "Asia/Gaza": ["2050-10-29"],
    "Europe/Dublin": ["2040-03-25"],
    "Asia/Kathmandu": ["1985-12-31"],
    "Pacific/Kwajalein": ["1993-08-21"],
    "Asia/Pyongyang": ["2015-08-14", "2018-05-04"],
    "America/Caracas": ["2007-12-09", "2016-05-01"],
    "Africa/Monrovia": [],
    "Asia/Jerusalem": [],
    "America/Santiago": ["2026-04-05", "2026-09-06"],
}
HOURS_AROUND = 30

EXPRESSIONS = [
    "*/15 * * * *", "0 * * * *", "0 */2 * * *", "30 ?/3 * * *", "30 2 * * *", "0 0 * * *",
    "0 3 * * *", "*/20 1-3 * * *", "0,30 2,3 * * *", "15 0-23 * * *", "45 1 * * 0", "0 0 1 * *",
    "0 12 30 12 *", "0 * 30 12 *", "59 23 * * *", "10 0 * * 6,0", "* 2 * * *", "5 2,*/4 * * *",
]

FIELDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]


def parse(expression):
    """Sets of values, and which fields have a star: as much of the syntax as is used above."""
    sets, plain, stars = [], [], []
    for text, (low, high) in zip(expression.split(), FIELDS):
        values, has_plain, has_star = set(), False, False
        for part in text.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.partition("-")
            star = first in "*?"
            has_star = has_star or star
            has_plain = has_plain or (star and step in ("", "1"))
            start = low if star else int(first)
            end = high if star or (step and not last) else int(last or first)
            values |= set(range(start, end + 1, int(step or 1)))
        sets.append(values)
        plain.append(has_plain)
        stars.append(has_star)
    return sets, plain, stars


def matches(schedule, local):
    sets, plain, _ = schedule
    if local.minute not in sets[0] or local.hour not in sets[1] or local.month not in sets[3]:
        return False
    by_date, by_weekday = local.day in sets[2], local.isoweekday() % 7 in sets[4]
    return (by_date and by_weekday) if plain[2] or plain[4] else (by_date or by_weekday)


def firings(expression, zone, after, until):
    """A clock on the wall, looked at each minute, with a note of the latest time it ever showed."""
    schedule = parse(expression)
    follows_elapsed = schedule[2][1]
    minute = datetime.timedelta(minutes=1)
    now = after - datetime.timedelta(days=3)
    expected = now.astimezone(zone).replace(tzinfo=None)
    found = []
    while now <= until:
        local = now.astimezone(zone).replace(tzinfo=None)
        if follows_elapsed:
            fires = matches(schedule, local)
        else:
            fires = False
            while expected <= local:
                fires = fires or matches(schedule, expected)
                expected += minute
        if fires and now > after:
            found.append(seconds(now))
        now += minute
    return found


def seconds(instant):
    return (instant - EPOCH) // datetime.timedelta(seconds=1)


def shown(zone, at):
    local = (EPOCH + datetime.timedelta(seconds=at)).astimezone(zone)
    return local.utcoffset() // datetime.timedelta(seconds=1), local.tzname()


def periods(zone):
    at = seconds(datetime.datetime(YEARS.start, 1, 1, tzinfo=UTC))
    end = seconds(datetime.datetime(YEARS.stop, 1, 1, tzinfo=UTC))
    now = shown(zone, at)
    yield at, now
    while at < end:
        if shown(zone, at + GRID) != now:
            low, high = at, at + GRID
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if shown(zone, middle) == now else (low, middle)
            now = shown(zone, high)
            yield high, now
        at += GRID


def write_bytes(out, name, content):
    out.write(f'    ZONE_BYTES("{name}",\n')
    for at in range(0, len(content), LINE):
        text = "".join(f"\\x{byte:02x}" for byte in content[at:at + LINE])
        out.write(f'        "{text}"\n')
    out.write("    )\n")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/zoneinfo"
    source = os.path.join(folder, "tzdata.zi")
    with open(source, encoding="ascii") as text:
        version = text.readline().strip("# \n")
    note = f"/* Made by tests/unit/cron/zones.py from tzdata {version}; not edited. */\n"
    with tempfile.TemporaryDirectory() as made:
        for kind in ("slim", "fat"):
            subprocess.run(["zic", "-b", kind, "-d", os.path.join(made, kind), source], check=True)
        zones = {}
        with open("zones.inc", "w", encoding="ascii") as out:
            out.write(note)
            for name in CHANGES:
                path = os.path.join(made, "slim", name)
                with open(path, "rb") as file:
                    zones[name] = zoneinfo.ZoneInfo.from_file(file)
                with open(path, "rb") as file:
                    write_bytes(out, name, file.read())
            for name in FAT:
                with open(os.path.join(made, "fat", name), "rb") as file:
                    write_bytes(out, "fat " + name, file.read())
    with open("periods.inc", "w", encoding="ascii") as out:
        out.write(note)
        for name, zone in zones.items():
            for at, (offset, abbreviation) in periods(zone):
                out.write(f'    {{"{name}", {at}, {offset}, "{abbreviation}"}},\n')
    around = datetime.timedelta(hours=HOURS_AROUND)
    with open("firings.inc", "w", encoding="ascii") as out:
        out.write(note)
        for name, days in CHANGES.items():
            for day in days:
                middle = datetime.datetime.fromisoformat(day + "T12:00:00+00:00")
                for expression in EXPRESSIONS:
                    found = firings(expression, zones[name], middle - around, middle + around)
                    times = ", ".join(str(at) for at in found) or "0"
                    out.write(f'    {{"{name}", "{expression}", {seconds(middle - around)}, '
                              f"{seconds(middle + around)}, {len(found)}, {{{times}}}}},\n")


if __name__ == "__main__":
    main()
