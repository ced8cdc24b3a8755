// Reads .ics files with ical.js and prints what it understood, one JSON object
// a line.
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

for (const file of process.argv.slice(2)) {
  const cal = new ICAL.Component(ICAL.parse(readFileSync(file, "utf8")));
  const zones = cal.getAllSubcomponents("vtimezone").map((z) => new ICAL.Timezone(z));
  const events = cal.getAllSubcomponents("vevent");
  const vevent = events[0];
  const instant = (name) => {
    const prop = vevent.getFirstProperty(name);
    const time = prop.getFirstValue();
    const tzid = prop.getParameter("tzid");
    if (tzid) {
      const zone = zones.find((z) => z.tzid === tzid);
      if (!zone) throw new Error(`${file}: no VTIMEZONE for ${tzid}`);
      time.zone = zone;
    }
    return new Date(time.toUnixTime() * 1000).toISOString().replace(".000Z", "Z");
  };
  console.log(JSON.stringify({
    file,
    method: cal.getFirstPropertyValue("method"),
    events: events.length,
    uid: vevent.getFirstPropertyValue("uid"),
    sequence: vevent.getFirstPropertyValue("sequence"),
    status: vevent.getFirstPropertyValue("status"),
    start: instant("dtstart"),
    end: instant("dtend"),
    summary: vevent.getFirstPropertyValue("summary"),
    organizer: vevent.getFirstPropertyValue("organizer"),
    attendees: vevent.getAllProperties("attendee").map((p) => p.getFirstValue()),
  }));
}
