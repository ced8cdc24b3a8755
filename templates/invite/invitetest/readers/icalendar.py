"""Reads .ics files with python3-icalendar and prints what it understood, one JSON object a line."""
import datetime
import json
import sys

# This folder holds a file of the library's name, and comes first in the path.
sys.path.pop(0)
import icalendar


def instant(prop):
    return prop.dt.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


for file in sys.argv[1:]:
    with open(file, "rb") as f:
        cal = icalendar.Calendar.from_ical(f.read())
    events = cal.walk("VEVENT")
    event = events[0]
    attendees = event.get("ATTENDEE", [])
    if not isinstance(attendees, list):
        attendees = [attendees]
    print(json.dumps({
        "file": file,
        "method": str(cal["METHOD"]),
        "events": len(events),
        "uid": str(event["UID"]),
        "sequence": int(event["SEQUENCE"]),
        "status": str(event["STATUS"]),
        "start": instant(event["DTSTART"]),
        "end": instant(event["DTEND"]),
        "summary": str(event["SUMMARY"]),
        "organizer": str(event["ORGANIZER"]),
        "attendees": [str(a) for a in attendees],
    }))
