"""Calls that a user of the PyPI package ``netsuite`` makes, unchanged; prints one JSON object. Run by a test."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")

from netsuite import Config, NetSuite, TokenAuth  # noqa: E402 -- its import warns


def secret(name: str) -> str:
    return os.environ[f"NSBILL_{name}"]


async def main() -> None:
    auth = TokenAuth(
        consumer_key=secret("CONSUMER_KEY"),
        consumer_secret=secret("CONSUMER_SECRET"),
        token_id=secret("TOKEN_ID"),
        token_secret=secret("TOKEN_SECRET"),
    )
    ns = NetSuite(Config(account=secret("ACCOUNT"), auth=auth))
    order = os.environ["ORDER"]
    query = "SELECT id, tranid, foreigntotal FROM transaction WHERE type = 'SalesOrd' AND status = 'F' ORDER BY id"
    found = {
        "suiteql": await ns.rest_api.suiteql(query, limit=5, offset=0),
        "record": await ns.rest_api.get(f"/record/v1/salesOrder/{order}", params={"expandSubResources": "true"}),
        "token": await ns.rest_api.token_info(),
        "schema": await ns.rest_api.jsonschema("invoice"),
        "restlet": await ns.restlet.post(secret("SCRIPT"), deploy=secret("DEPLOY"), json={"action": "list_searches"}),
    }
    body = {"externalId": f"third-party-{order}", "memo": "billed by another client"}
    response = await ns.rest_api.request("POST", f"/record/v1/salesOrder/{order}/!transform/invoice", json=body)
    found["transform"] = {"status": response.status_code, "location": response.headers.get("Location")}
    found["nothing"] = await ns.rest_api.patch(f"/record/v1/invoice/eid:third-party-{order}", json={"memo": "changed"})
    found["invoice"] = await ns.rest_api.get(f"/record/v1/invoice/eid:third-party-{order}")
    try:
        await ns.rest_api.post(f"/record/v1/salesOrder/{order}/!transform/invoice", json=body)
    except Exception as error:
        found["again"] = {"error": type(error).__name__, "text": str(error)}
    sys.stdout.write(json.dumps(found, default=str))


asyncio.run(main())
