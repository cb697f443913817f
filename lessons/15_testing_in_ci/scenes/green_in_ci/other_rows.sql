INSERT INTO users (id, email, phone, timezone, is_active) VALUES
    (21, 'nia@example.org', '2', 'Europe/Paris', false),
    (12, 'lee@example.org', '1', 'Asia/Tokyo', true),
    (11, 'kim@example.org', '1', 'UTC', true),
    (20, 'max@example.org', NULL, 'UTC', true),
    (22, 'pia@example.org', ' 2', 'UTC', true);
