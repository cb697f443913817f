from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, literal_column
from sqlalchemy.exc import DBAPIError

from shop.extensions import db
from shop.models import Order


@pytest.fixture
def user_id(client: FlaskClient) -> Any:
    return client.post("/users", json={"email": "ann@example.com"}).json["id"]


def test_a_new_order_is_pending_and_belongs_to_its_user(client: FlaskClient, user_id: int) -> None:
    created = client.post("/orders", json={"user_id": user_id, "amount_cents": 1999})

    assert created.status_code == 201
    assert (created.json["user_id"], created.json["amount_cents"]) == (user_id, 1999)
    assert created.json["status"] == "pending"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(created.json["created_at"])).total_seconds() < 60
    assert client.get(f"/orders/{created.json['id']}").json == created.json
    assert client.get(f"/users/{user_id}/orders").json == [created.json]


def test_an_order_may_be_free_of_charge(client: FlaskClient, user_id: int) -> None:
    assert client.post("/orders", json={"user_id": user_id, "amount_cents": 0}).status_code == 201


def test_an_order_is_in_euros_unless_it_says_otherwise(client: FlaskClient, user_id: int) -> None:
    plain = client.post("/orders", json={"user_id": user_id, "amount_cents": 5})
    dollars = client.post("/orders", json={"user_id": user_id, "amount_cents": 5, "currency": "USD"})

    assert [plain.json["currency"], dollars.json["currency"]] == ["EUR", "USD"]


def test_what_is_no_order_is_refused(client: FlaskClient, user_id: int) -> None:
    bodies = [
        {"user_id": user_id},
        {"amount_cents": 1},
        {"user_id": 999999, "amount_cents": 1},
        {"user_id": user_id, "amount_cents": -1},
        {"user_id": user_id, "amount_cents": "1"},
        {"user_id": user_id, "amount_cents": True},
        {"user_id": user_id, "amount_cents": 2**31},
        {"user_id": user_id, "amount_cents": 1, "currency": "XYZ"},
    ]
    for body in bodies:
        assert client.post("/orders", json=body).status_code == 400, body
    assert client.get(f"/users/{user_id}/orders").json == []


def test_the_status_of_an_order_changes(client: FlaskClient, user_id: int) -> None:
    order = client.post("/orders", json={"user_id": user_id, "amount_cents": 5}).json

    changed = client.patch(f"/orders/{order['id']}", json={"status": "shipped"})

    assert (changed.status_code, changed.json["status"]) == (200, "shipped")
    assert order["updated_at"] is None
    assert abs(datetime.now(UTC) - datetime.fromisoformat(changed.json["updated_at"])).total_seconds() < 60
    assert client.get(f"/orders/{order['id']}").json["status"] == "shipped"


def test_a_status_that_does_not_exist_is_refused(client: FlaskClient, user_id: int) -> None:
    order = client.post("/orders", json={"user_id": user_id, "amount_cents": 5}).json

    answer = client.patch(f"/orders/{order['id']}", json={"status": "lost"})

    assert answer.status_code == 400
    assert answer.json == {"error": "status must be one of pending, paid, shipped, cancelled."}


def test_what_is_not_there(client: FlaskClient) -> None:
    assert client.get("/orders/999999").json == {"error": "There is no such order."}
    assert client.patch("/orders/999999", json={"status": "paid"}).status_code == 404
    assert client.get("/users/999999/orders").status_code == 404


@pytest.mark.parametrize("wrong", [{"total_cents": -1}, {"user_id": 999999}, {"status": literal_column("'lost'")}])
def test_the_database_refuses_what_the_routes_would_have_caught(
    client: FlaskClient, user_id: int, wrong: dict[str, Any]
) -> None:
    with pytest.raises(DBAPIError):
        db.session.execute(insert(Order).values({"user_id": user_id, "total_cents": 1} | wrong))
