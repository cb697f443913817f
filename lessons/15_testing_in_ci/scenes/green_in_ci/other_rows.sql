INSERT INTO users (id, email, phone, timezone, is_active) VALUES
    (21, 'nia@example.org', '2', 'Europe/Paris', false),
    (12, 'lee@example.org', '1', 'Asia/Tokyo', true),
    (11, 'kim@example.org', '1', 'UTC', true),
    (20, 'max@example.org', NULL, 'UTC', true),
    (22, 'pia@example.org', ' 2', 'UTC', true),
    (13, 'ned@example.org', '', 'UTC', true),
    (23, 'quinn@example.org', '', 'UTC', true);
INSERT INTO orders (id, user_id, total_cents, currency, status, created_at, note) VALUES
    (7, 12, 300, 'EUR', 'paid', '2026-03-05 10:00:00', 'leave it at the door'),
    (9, 21, 0, NULL, 'pending', '2026-03-04 09:00:00', NULL);
