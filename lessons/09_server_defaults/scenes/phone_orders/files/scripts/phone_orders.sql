-- What was ordered by phone. The call centre writes the list, and it is run every evening.
INSERT INTO orders (user_id, amount_cents, currency, status, created_at) VALUES
    (3, 4950, 'EUR', 'pending', '2026-02-16 17:42:00'),
    (12, 1200, 'EUR', 'pending', '2026-02-16 18:05:00');
