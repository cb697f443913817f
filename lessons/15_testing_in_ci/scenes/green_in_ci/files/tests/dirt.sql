-- Rows like those of production, at revision 0033; names and numbers are invented.
INSERT INTO users (id, email, phone, timezone, is_active) VALUES
    (1, 'ann@example.com', '+49 30 555 0100', 'Europe/Berlin', true),
    (2, 'bob@example.com', NULL, 'UTC', true),
    (3, 'carol@example.com', '', 'Europe/Rome', true),
    (4, 'dave@example.com', '+49 30 555 0100', 'UTC', false),
    (5, 'erin@example.com', '', 'America/Lima', true),
    (6, 'frank@example.com', '+39 06 555 0106', 'Europe/Rome', true),
    (7, 'grace@example.com', NULL, 'UTC', true),
    (8, 'heidi@example.com', '+49 30 555 0100', 'UTC', true);
INSERT INTO orders (id, user_id, total_cents, currency, status, created_at, note) VALUES
    (1, 1, 1999, 'EUR', 'paid', '2026-03-01 10:00:00', NULL),
    (2, 4, 500, 'EUR', 'pending', '2026-03-02 11:00:00', 'ring twice'),
    (3, 5, 0, 'USD', 'shipped', '2026-03-03 12:00:00', '');
