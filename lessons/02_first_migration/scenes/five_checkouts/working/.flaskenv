FLASK_APP=service
DATABASE_URL=sqlite:///../../instance/shop.db
