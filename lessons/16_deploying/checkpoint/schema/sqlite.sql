CREATE TABLE coupons (
	code VARCHAR(40) NOT NULL,
	percent_off INTEGER NOT NULL,
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
	PRIMARY KEY (code)
);
CREATE VIEW monthly_report AS
    SELECT strftime('%Y-%m', created_at) AS month, currency,
        count(*) AS orders, sum(total_cents) AS amount_cents
    FROM orders
    WHERE status <> 'cancelled'
    GROUP BY 1, 2;
CREATE TRIGGER orders_updated_at AFTER UPDATE OF user_id, total_cents, currency, status ON orders
    BEGIN
        UPDATE orders SET updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = NEW.id;
    END;
CREATE TABLE "orders" (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	status VARCHAR(20) NOT NULL,
	created_at DATETIME NOT NULL,
	currency VARCHAR(3),
	updated_at DATETIME,
	total_cents INTEGER NOT NULL, note VARCHAR(500),
	PRIMARY KEY (id),
	CONSTRAINT ck_orders_order_status CHECK (status IN ('pending', 'paid', 'shipped', 'cancelled')),
	CONSTRAINT fk_orders_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
	CONSTRAINT ck_orders_total_cents_not_negative CHECK (total_cents >= 0)
);
CREATE INDEX ix_orders_user_id_created_at ON orders (user_id, created_at);
CREATE TABLE "users" (
	id INTEGER NOT NULL,
	email VARCHAR(255) NOT NULL,
	last_login_at DATETIME,
	display_name VARCHAR(80),
	timezone VARCHAR(64) NOT NULL,
	is_active BOOLEAN NOT NULL, phone VARCHAR(32),
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_users_email ON users (email);
CREATE UNIQUE INDEX ix_users_email_lower ON users (lower(email));
