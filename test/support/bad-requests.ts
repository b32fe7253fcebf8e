import { apiGatewayEvent, fcHttpEvent, timerEvent } from "./fc-events.ts";
import { API_KEYS, addEvent, addOf, GOOD_ADD, queryEvent } from "./function-deps.ts";

export type BadRequest = {
  readonly name: string;
  readonly to: "add" | "query";
  readonly event: Buffer;
  readonly status: number;
  /** For a 400 the path of the first issue, else the problem's code. */
  readonly says: string;
};

const NUMBER = "4915112345678";
const { any, acme } = API_KEYS;

const add = (name: string, event: Buffer, status: number, says: string): BadRequest => ({
  name: `add: ${name}`,
  to: "add",
  event,
  status,
  says,
});
const query = (name: string, event: Buffer, status: number, says: string): BadRequest => ({
  name: `query: ${name}`,
  to: "query",
  event,
  status,
  says,
});

/** A good add, except for one field. */
const field = (name: string, path: string, value: unknown): BadRequest =>
  add(name, addOf({ ...GOOD_ADD, [path]: value }), 400, path);
const without = (path: keyof typeof GOOD_ADD): BadRequest =>
  add(`no ${path}`, addOf({ ...GOOD_ADD, [path]: undefined }), 400, path);
const body = (name: string, text: string | Buffer): BadRequest =>
  add(name, addEvent({ body: text }), 400, "");
const param = (name: string, params: Record<string, string>, path: string): BadRequest =>
  query(name, queryEvent({ query: params }), 400, path);

const typed = (type: string) => addOf(GOOD_ADD, { headers: { "content-type": type } });
const keyed = (key: string) => addOf(GOOD_ADD, { headers: { "idempotency-key": key } });
const signedIn = (authorization: string) =>
  addOf(GOOD_ADD, { key: null, headers: { authorization } });

/** Requests that may not lead to an upstream call. */
export const BAD_REQUESTS: readonly BadRequest[] = [
  without("custSpaceId"),
  without("cc"),
  without("phoneNumber"),
  without("verifiedName"),
  field("custSpaceId null", "custSpaceId", null),
  field("custSpaceId empty", "custSpaceId", ""),
  field("custSpaceId with a slash", "custSpaceId", "a/b"),
  field("custSpaceId of 129 characters", "custSpaceId", "a".repeat(129)),
  field("custSpaceId that is no ASCII", "custSpaceId", "ä"),
  field("custSpaceId self", "custSpaceId", "self"),
  field("custSpaceId with a line break", "custSpaceId", "acme\n"),
  field("cc as a number", "cc", 49),
  field("cc empty", "cc", ""),
  field("cc of 4 digits", "cc", "1234"),
  field("cc that begins with 0", "cc", "049"),
  field("cc with two plus signs", "cc", "++49"),
  field("cc in other digits", "cc", "٤٩"),
  field("phoneNumber as a number", "phoneNumber", 15112345678),
  field("phoneNumber empty", "phoneNumber", ""),
  field("phoneNumber of separators alone", "phoneNumber", "() -"),
  field("phoneNumber of 3 digits", "phoneNumber", "123"),
  field("phoneNumber with letters", "phoneNumber", "0151-CALL-ME"),
  field("phoneNumber with an extension", "phoneNumber", "15112345678x9"),
  field("phoneNumber in other digits", "phoneNumber", "１５１１２３４５６７８"),
  field("phoneNumber of 14 digits after 2", "phoneNumber", "15112345678901"),
  field("phoneNumber that begins with its cc and is too long", "phoneNumber", "49151123456789"),
  field("phoneNumber with + and its cc", "phoneNumber", "+49 151 12345678"),
  field("phoneNumber with + and another cc", "phoneNumber", "+4415112345678"),
  field("phoneNumber with (+ and another cc", "phoneNumber", "(+44) 151 1234-5678"),
  field("phoneNumber in a list", "phoneNumber", ["15112345678"]),
  field("verifiedName empty", "verifiedName", ""),
  field("verifiedName of spaces", "verifiedName", " \u00a0 "),
  field("verifiedName of 513 characters", "verifiedName", "é".repeat(513)),
  field("verifiedName with a tab", "verifiedName", "a\tb"),
  field("verifiedName with NUL", "verifiedName", "a\u0000b"),
  field("verifiedName with a C1 control", "verifiedName", "a\u0085b"),
  field("verifiedName with half a character", "verifiedName", "a\ud83d"),
  field("verifiedName as an object", "verifiedName", { toString: "x" }),
  field("preValidateId null", "preValidateId", null),
  field("preValidateId empty", "preValidateId", ""),
  field("preValidateId with spaces", "preValidateId", "a b"),
  field("an unknown field", "action", "DeleteInstance"),
  field("a signed parameter", "AccessKeyId", "x"),
  add("a field named as a number", addOf({ ...GOOD_ADD, [NUMBER]: 1 }), 400, "*************"),
  body("no body", ""),
  body("a body that is no JSON", `{"phoneNumber":"${NUMBER}"`),
  body("a body that is no UTF-8", Buffer.from([0x22, 0xff, 0x22])),
  body("a body of text", JSON.stringify(NUMBER)),
  body("a body of null", "null"),
  body("a body of a list", JSON.stringify([GOOD_ADD])),
  add("a body over 256 KB", addEvent({ body: " ".repeat(262_145) }), 413, "ERR_BODY_TOO_LARGE"),
  add("a form", typed("application/x-www-form-urlencoded"), 415, "ERR_MEDIA_TYPE"),
  add("another charset", typed("application/json; charset=latin1"), 415, "ERR_MEDIA_TYPE"),
  add("no content type", typed(""), 415, "ERR_MEDIA_TYPE"),
  add("an Idempotency-Key with spaces", keyed("a b"), 400, "Idempotency-Key"),
  add("an Idempotency-Key too long", keyed("k".repeat(256)), 400, "Idempotency-Key"),
  add("no key", addOf(GOOD_ADD, { key: null }), 401, "ERR_UNAUTHORIZED"),
  add("an unknown key", addOf(GOOD_ADD, { key: `${any}x` }), 401, "ERR_UNAUTHORIZED"),
  add("a key without its scheme", signedIn(any), 401, "ERR_UNAUTHORIZED"),
  add("a key in Basic", signedIn(`Basic ${any}`), 401, "ERR_UNAUTHORIZED"),
  add("two keys", signedIn(`Bearer ${any}, Bearer ${acme}`), 401, "ERR_UNAUTHORIZED"),
  add("a key's name", signedIn("Bearer any"), 401, "ERR_UNAUTHORIZED"),
  add(
    "a customer out of scope",
    addOf({ ...GOOD_ADD, custSpaceId: "beta" }, { key: acme }),
    403,
    "ERR_FORBIDDEN",
  ),
  add("an unknown path", addOf(GOOD_ADD, { path: `/numbers/${NUMBER}` }), 404, "ERR_NOT_FOUND"),
  add(
    "an unknown path with a number in parts",
    addOf(GOOD_ADD, { path: "/numbers/%2B49%20151%20123%204567" }),
    404,
    "ERR_NOT_FOUND",
  ),
  add(
    "a method with a number",
    addOf(GOOD_ADD, { method: `GET ${NUMBER}` }),
    405,
    "ERR_METHOD_NOT_ALLOWED",
  ),
  add("a path above", addOf(GOOD_ADD, { path: "/add/.." }), 404, "ERR_NOT_FOUND"),
  add("GET", addOf(GOOD_ADD, { method: "GET" }), 405, "ERR_METHOD_NOT_ALLOWED"),
  add(
    "a method that is a property",
    addOf(GOOD_ADD, { method: "constructor" }),
    405,
    "ERR_METHOD_NOT_ALLOWED",
  ),
  add("a timer's event", timerEvent(NUMBER), 400, ""),
  add("an event that is no JSON", Buffer.from(`{${NUMBER}`), 400, ""),
  param("an unknown parameter", { custSpaceID: "acme" }, "custSpaceID"),
  param("a parameter named as a number", { [NUMBER]: "1" }, "*************"),
  param("custSpaceId empty", { custSpaceId: "" }, "custSpaceId"),
  param("custSpaceId twice", { custSpaceId: "acme,beta" }, "custSpaceId"),
  param("custSpaceId that is no id", { custSpaceId: `+${NUMBER}` }, "custSpaceId"),
  param("isvCode empty", { isvCode: "" }, "isvCode"),
  param("isvCode with a space", { isvCode: "a b" }, "isvCode"),
  param("status with a control character", { status: "A\u0000" }, "status"),
  param("status of 129 characters", { status: "A".repeat(129) }, "status"),
  param("source of another name", { source: "cache" }, "source"),
  param("source=stored with a filter", { source: "stored", status: "X" }, "source"),
  query("no key", queryEvent({ key: null }), 401, "ERR_UNAUTHORIZED"),
  query(
    "the key as a parameter",
    queryEvent({ key: null, query: { key: any } }),
    401,
    "ERR_UNAUTHORIZED",
  ),
  query("a customer out of scope", queryEvent({ key: acme }), 403, "ERR_FORBIDDEN"),
  query("POST", queryEvent({ method: "POST" }), 405, "ERR_METHOD_NOT_ALLOWED"),
  query("an unknown path", queryEvent({ path: "/add" }), 404, "ERR_NOT_FOUND"),
  query(
    "a customer unknown here",
    queryEvent({ query: { source: "stored" } }),
    404,
    "ERR_NOT_WATCHED",
  ),
  query(
    "a gateway's event without a key",
    apiGatewayEvent({ method: "GET" }),
    401,
    "ERR_UNAUTHORIZED",
  ),
  query("an event without a method", fcHttpEvent({ method: "" }), 405, "ERR_METHOD_NOT_ALLOWED"),
];
