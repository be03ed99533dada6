-- The service's own schema. The database task renders the PostgreSQL migrations from it and proves that both agree.

CREATE TABLE products (
  sku TEXT PRIMARY KEY,
  product_id TEXT NOT NULL,
  title TEXT NOT NULL,
  category TEXT NOT NULL,
  description TEXT NOT NULL,
  price_cents INTEGER NOT NULL CHECK (price_cents > 0),
  image TEXT NOT NULL
);

CREATE INDEX products_by_category ON products (category, sku);

CREATE INDEX products_by_product ON products (product_id, sku);

CREATE TABLE stock (
  sku TEXT PRIMARY KEY REFERENCES products (sku),
  on_hand INTEGER NOT NULL CHECK (on_hand >= 0),
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved <= on_hand)
);

CREATE TABLE accounts (
  email TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('customer', 'admin')),
  salt TEXT NOT NULL,
  password_hash TEXT NOT NULL
);

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  email TEXT NOT NULL REFERENCES accounts (email),
  expires_at INTEGER NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL REFERENCES accounts (email),
  idempotency_key TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'paid', 'cancelled')),
  total_cents INTEGER NOT NULL CHECK (total_cents > 0),
  UNIQUE (email, idempotency_key)
);

CREATE TABLE order_lines (
  order_id TEXT NOT NULL REFERENCES orders (id),
  sku TEXT NOT NULL REFERENCES products (sku),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  price_cents INTEGER NOT NULL,
  PRIMARY KEY (order_id, sku)
);

CREATE TABLE payments (
  idempotency_key TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
  status TEXT NOT NULL CHECK (status IN ('processing', 'captured', 'declined')),
  reference TEXT NOT NULL,
  card_last4 TEXT NOT NULL
);

CREATE INDEX payments_by_order ON payments (order_id);
