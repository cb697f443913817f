from datetime import UTC, datetime

from flask.testing import FlaskClient


def test_the_monthly_report_adds_up_what_was_not_cancelled(client: FlaskClient) -> None:
    user_id = client.post("/users", json={"email": "ann@example.com"}).json["id"]
    for amount_cents, currency in ((100, "EUR"), (250, "EUR"), (7, "USD"), (999, "EUR")):
        order = {"user_id": user_id, "amount_cents": amount_cents, "currency": currency}
        last = client.post("/orders", json=order).json
    client.patch(f"/orders/{last['id']}", json={"status": "cancelled"})

    month = datetime.now(UTC).strftime("%Y-%m")
    assert client.get("/reports/monthly").json == [
        {"month": month, "currency": "EUR", "orders": 2, "amount_cents": 350},
        {"month": month, "currency": "USD", "orders": 1, "amount_cents": 7},
    ]
