from datetime import datetime

from flask.testing import FlaskClient


def test_a_new_user_can_be_read_and_is_listed(client: FlaskClient) -> None:
    created = client.post("/users", json={"email": "zoë@example.com"})

    assert created.status_code == 201
    assert created.json["email"] == "zoë@example.com"
    assert client.get(f"/users/{created.json['id']}").json == created.json
    assert client.get("/users").json == [created.json]


def test_an_email_is_taken_once_in_any_case(client: FlaskClient) -> None:
    client.post("/users", json={"email": "ann@example.com"})

    second = client.post("/users", json={"email": "Ann@Example.com"})

    assert (second.status_code, second.json) == (409, {"error": "This email is taken."})
    assert len(client.get("/users").json) == 1


def test_what_is_no_email_is_refused(client: FlaskClient) -> None:
    for body in ({}, {"email": ""}, {"email": 7}, {"email": "ann"}, {"email": "a@" + "x" * 254}, ["email"], None):
        answer = client.post("/users", json=body)
        assert answer.status_code == 400, body
        assert set(answer.json) == {"error"}


def test_a_user_who_is_not_there(client: FlaskClient) -> None:
    answer = client.get("/users/999999")

    assert (answer.status_code, answer.json) == (404, {"error": "There is no such user."})


def test_a_login_is_noted(client: FlaskClient) -> None:
    user = client.post("/users", json={"email": "ann@example.com"}).json
    assert user["last_login_at"] is None

    noted = client.post(f"/users/{user['id']}/logins").json

    assert datetime.fromisoformat(noted["last_login_at"]).tzinfo is not None
    assert client.get(f"/users/{user['id']}").json == noted
    assert client.post("/users/999999/logins").status_code == 404


def test_a_display_name_is_a_choice(client: FlaskClient) -> None:
    plain = client.post("/users", json={"email": "ann@example.com"})
    named = client.post("/users", json={"email": "bob@example.com", "display_name": "Bob the Builder"})
    too_long = client.post("/users", json={"email": "eve@example.com", "display_name": "x" * 81})

    assert (plain.status_code, plain.json["display_name"]) == (201, None)
    assert (named.status_code, named.json["display_name"]) == (201, "Bob the Builder")
    assert too_long.status_code == 400


def test_the_orders_of_a_deleted_user_go_too(client: FlaskClient) -> None:
    gone, stays = (client.post("/users", json={"email": f"{name}@example.com"}).json["id"] for name in ("ann", "bob"))
    orders = [client.post("/orders", json={"user_id": each, "amount_cents": 5}).json["id"] for each in (gone, stays)]

    assert client.delete(f"/users/{gone}").status_code == 204

    assert client.get(f"/users/{gone}").status_code == 404
    assert [client.get(f"/orders/{each}").status_code for each in orders] == [404, 200]


def test_every_user_has_a_time_zone(client: FlaskClient) -> None:
    plain = client.post("/users", json={"email": "ann@example.com"})
    roman = client.post("/users", json={"email": "bob@example.com", "timezone": "Europe/Rome"})
    martian = client.post("/users", json={"email": "eve@example.com", "timezone": "Mars/Olympus"})

    assert [plain.json["timezone"], roman.json["timezone"]] == ["UTC", "Europe/Rome"]
    assert martian.status_code == 400


def test_who_is_not_active_cannot_order(client: FlaskClient) -> None:
    user = client.post("/users", json={"email": "ann@example.com"}).json
    assert user["is_active"] is True

    changed = client.patch(f"/users/{user['id']}", json={"is_active": False})
    order = client.post("/orders", json={"user_id": user["id"], "amount_cents": 5})

    assert (changed.status_code, changed.json["is_active"]) == (200, False)
    assert (order.status_code, order.json) == (409, {"error": "This user is not active."})
    assert client.patch(f"/users/{user['id']}", json={"is_active": "no"}).status_code == 400


def test_a_phone_number_is_a_choice(client: FlaskClient) -> None:
    plain = client.post("/users", json={"email": "ann@example.com"})
    phone = client.post("/users", json={"email": "bob@example.com", "phone": "+39 06 555 0100"})

    assert [plain.json["phone"], phone.json["phone"]] == [None, "+39 06 555 0100"]
    assert client.post("/users", json={"email": "eve@example.com", "phone": "5" * 33}).status_code == 400
