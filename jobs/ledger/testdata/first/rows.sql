INSERT INTO programmes (version, file, source, applied_at) VALUES (1, 'programme.yaml', '', 1793264400000000);
INSERT INTO events (id, revision, start_at, cancelled) VALUES ('workshop', 2, 1795084200000000, FALSE);
INSERT INTO registrations (event_id, email, email_key, name, given_name, organisation, lang, status, reason, tags, answered, uid, source, quiet, approved, registered_at, created_at, since_at, cancelled_at)
    VALUES ('workshop', 'Jan@example.nl', 'jan@example.nl', 'Jan Voorbeeld', 'Jan', 'Gemeente Voorbeeld', 'nl', 'registered', '', ' staff vip ', 'no', '00@example.nl', 'cli', FALSE, TRUE, NULL, 1793264400000001, 1793264400000002, NULL);
INSERT INTO messages (registration_id, event_id, kind, name, revision, sequence, queue, state, reason, rule_at, due_at, expires_at, wake_at, enqueued_at, generation, owner, fence, attempts, doubts, crashes, sent_at, smtp, message_id)
    VALUES (1, 'workshop', 'change', 'change', 2, 2, 'critical', 'sent', '', 1793264400000000, 1793264400000000, 1795084200000000, NULL, NULL, 3, '', 4, 2, 1, 0, 1793264400000003, '250 ok', '<1@example.nl>');
INSERT INTO workers (id, lease_until, started_at) VALUES ('w1', 1793264400000000, 1793264400000000);
INSERT INTO suppressions (email_key, reason, created_at) VALUES ('piet@example.nl', '550 5.1.1', 1793264400000004);
