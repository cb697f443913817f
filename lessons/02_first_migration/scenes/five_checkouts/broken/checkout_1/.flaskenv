DATABASE_URL=sqlite:///../../instance/shop.db
