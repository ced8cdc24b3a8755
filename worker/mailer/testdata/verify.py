"""Reads mails with programs that are not ours: Python's email package and dkimpy.

stdin:  {"keys": {"selector._domainkey.domain.": "v=DKIM1; ..."}, "mails": ["base64", ...]}
stdout: [{"signatures": [true, ...], "to": [["name", "address"]], "parts": [["type", "base64"], ...],
          "names": ["file name", ...]}, ...]
"""
import base64
import email
import email.policy
import json
import sys

import dkim


def read(mail, keys):
    count = mail.lower().count(b"dkim-signature:")

    def lookup(name, timeout=5):
        return keys[name.decode()].encode()

    def verify(index):
        try:
            return dkim.DKIM(mail).verify(idx=index, dnsfunc=lookup)
        except dkim.DKIMException:
            return False

    m = email.message_from_bytes(mail, policy=email.policy.SMTP)
    return {
        "signatures": [verify(i) for i in range(count)],
        "to": [[a.display_name, a.addr_spec] for a in m["to"].addresses],
        "parts": [
            [p.get_content_type(), base64.b64encode(p.get_payload(decode=True)).decode()]
            for p in m.walk()
            if not p.is_multipart()
        ],
        "names": [p.get_filename() for p in m.iter_attachments()],
    }


job = json.load(sys.stdin)
json.dump([read(base64.b64decode(m), job["keys"]) for m in job["mails"]], sys.stdout)
