INSERT INTO users (id, email, phone, timezone, is_active) VALUES
    (11, 'kim@example.org', '1', 'UTC', true),
    (12, 'lee@example.org', '1', 'Asia/Tokyo', true),
    (20, 'max@example.org', NULL, 'UTC', true),
    (21, 'nia@example.org', '2', 'Europe/Paris', false);
