"""Reads .ics files with libical (through its GObject bindings) and prints what it understood, one JSON object a line."""
import json
import sys

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib as I


def text(component, kind):
    prop = component.get_first_property(kind)
    return prop.get_value_as_string() if prop else None


def instant(calendar, event, kind, getter):
    prop = event.get_first_property(kind)
    time = getter(prop)
    tzid = prop.get_first_parameter(I.ParameterKind.TZID_PARAMETER)
    if tzid:
        zone = calendar.get_timezone(tzid.get_tzid())
        if zone is None:
            raise ValueError("no VTIMEZONE for " + tzid.get_tzid())
        time.convert_timezone(zone, I.Timezone.get_utc_timezone())
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (
        time.get_year(), time.get_month(), time.get_day(), time.get_hour(), time.get_minute(), time.get_second())


for file in sys.argv[1:]:
    with open(file, "rb") as f:
        calendar = I.Component.new_from_string(f.read().decode("utf-8"))
    if calendar is None or calendar.count_errors() > 0:
        sys.exit(file + ": libical found errors")
    event = calendar.get_first_component(I.ComponentKind.VEVENT_COMPONENT)
    attendees = []
    prop = event.get_first_property(I.PropertyKind.ATTENDEE_PROPERTY)
    while prop:
        attendees.append(prop.get_attendee())
        prop = event.get_next_property(I.PropertyKind.ATTENDEE_PROPERTY)
    print(json.dumps({
        "file": file,
        "method": text(calendar, I.PropertyKind.METHOD_PROPERTY),
        "events": calendar.count_components(I.ComponentKind.VEVENT_COMPONENT),
        "uid": text(event, I.PropertyKind.UID_PROPERTY),
        "sequence": event.get_sequence(),
        "status": text(event, I.PropertyKind.STATUS_PROPERTY),
        "start": instant(calendar, event, I.PropertyKind.DTSTART_PROPERTY, lambda p: p.get_dtstart()),
        "end": instant(calendar, event, I.PropertyKind.DTEND_PROPERTY, lambda p: p.get_dtend()),
        "summary": event.get_summary(),
        "organizer": text(event, I.PropertyKind.ORGANIZER_PROPERTY),
        "attendees": attendees,
    }))
