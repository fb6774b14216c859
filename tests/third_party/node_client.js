// Calls of a Node client that signs with oauth-1.0a; prints one JSON object. Run by a test.
import crypto from "node:crypto";
import OAuth from "oauth-1.0a";

const env = (name) => process.env[`NSBILL_${name}`];
const oauth = new OAuth({
  consumer: { key: env("CONSUMER_KEY"), secret: env("CONSUMER_SECRET") },
  signature_method: "HMAC-SHA256",
  realm: env("ACCOUNT"),
  hash_function: (text, key) => crypto.createHmac("sha256", key).update(text).digest("base64"),
});
const token = { key: env("TOKEN_ID"), secret: env("TOKEN_SECRET") };

async function call(method, path, body, headers = {}) {
  const url = env("BASE_URL") + path;
  const signed = oauth.toHeader(oauth.authorize({ url, method }, token));
  const answer = await fetch(url, {
    method,
    headers: { ...signed, "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, location: answer.headers.get("location"), body: text ? JSON.parse(text) : null };
}

const order = process.env.ORDER;
const restlet = `/app/site/hosting/restlet.nl?script=${env("SCRIPT")}&deploy=${env("DEPLOY")}`;
const query = { q: "SELECT COUNT(*) AS orders FROM transaction WHERE type = ?", params: ["SalesOrd"] };
console.log(
  JSON.stringify({
    suiteql: await call("POST", "/services/rest/query/v1/suiteql?limit=5&offset=0", query, { Prefer: "transient" }),
    record: await call("GET", `/services/rest/record/v1/salesOrder/${order}?fields=tranId,total`),
    restlet: await call("POST", restlet, { action: "list_searches" }),
    transform: await call("POST", `/services/rest/record/v1/salesOrder/${order}/!transform/invoice`, {}),
  }),
);
