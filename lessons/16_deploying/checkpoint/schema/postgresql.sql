type order_status pending, paid, shipped, cancelled
column coupons.code character varying(40) not null
column coupons.created_at timestamp with time zone not null default now()
column coupons.percent_off integer not null
column orders.created_at timestamp with time zone not null
column orders.currency character varying(3)
column orders.id integer not null default nextval('orders_id_seq'::regclass)
column orders.note character varying(500)
column orders.status order_status not null
column orders.total_cents integer not null
column orders.updated_at timestamp with time zone
column orders.user_id integer not null
column users.display_name character varying(80)
column users.email character varying(255) not null
column users.id integer not null default nextval('users_id_seq'::regclass)
column users.is_active boolean not null
column users.last_login_at timestamp with time zone
column users.phone character varying(32)
column users.timezone character varying(64) not null
constraint coupons.coupons_pkey PRIMARY KEY (code)
constraint orders.ck_orders_total_cents_not_negative CHECK ((total_cents >= 0))
constraint orders.fk_orders_user_id_users FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
constraint orders.orders_pkey PRIMARY KEY (id)
constraint users.users_pkey PRIMARY KEY (id)
CREATE UNIQUE INDEX coupons_pkey ON coupons USING btree (code)
CREATE INDEX ix_orders_user_id_created_at ON orders USING btree (user_id, created_at)
CREATE UNIQUE INDEX ix_users_email ON users USING btree (email)
CREATE UNIQUE INDEX ix_users_email_lower ON users USING btree (lower((email)::text))
CREATE UNIQUE INDEX orders_pkey ON orders USING btree (id)
CREATE UNIQUE INDEX users_pkey ON users USING btree (id)
CREATE OR REPLACE FUNCTION orders_set_updated_at()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
            BEGIN
                NEW.updated_at := now();
                RETURN NEW;
            END $function$
CREATE TRIGGER orders_updated_at BEFORE UPDATE OF user_id, total_cents, currency, status ON orders FOR EACH ROW EXECUTE FUNCTION orders_set_updated_at()
view monthly_report SELECT to_char((created_at AT TIME ZONE 'UTC'::text), 'YYYY-MM'::text) AS month,
    currency,
    count(*) AS orders,
    sum(total_cents) AS amount_cents
   FROM orders
  WHERE (status <> 'cancelled'::order_status)
  GROUP BY (to_char((created_at AT TIME ZONE 'UTC'::text), 'YYYY-MM'::text)), currency;
