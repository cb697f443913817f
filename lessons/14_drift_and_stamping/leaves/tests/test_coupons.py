from flask.testing import FlaskClient

from shop.extensions import db
from shop.models import Coupon


def test_a_coupon_is_found_by_its_code(client: FlaskClient) -> None:
    db.session.add(Coupon(code="SPRING", percent_off=20))
    db.session.commit()

    assert client.get("/coupons/SPRING").json == {"code": "SPRING", "percent_off": 20}
    assert client.get("/coupons/AUTUMN").status_code == 404
