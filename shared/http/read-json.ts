import { BodyTooLargeError, InvalidRequestError, MediaTypeError } from "../errors.ts";
import type { HttpRequest } from "./platform-event.ts";

/** The largest body this service reads: far above any valid request, far below the platform's 32 MB. */
export const MAX_BODY_BYTES = 262_144;

// RFC 8259 sections 8.1 and 11: JSON is UTF-8, a charset parameter only repeats that, also where its
// name was forgotten, and no other parameter has a meaning. RFC 6839 section 3.1 is the +json suffix.
const JSON_TYPE =
  /^application\/(?:[\w!#$&^.+-]+\+)?json[ \t]*(?:;[ \t]*(?:(?:(?:charset=)?utf-?8|charset="utf-?8"|(?!charset\b)[\w!#$&^.+-]+=(?:[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))[ \t]*)?)*$/i;

/**
 * The body's JSON, read strictly: no other media type, charset or coding, and only bytes of UTF-8.
 * No message quotes the body, as the engine's own would.
 *
 * @throws BodyTooLargeError, MediaTypeError, InvalidRequestError
 */
export function readJsonBody(request: HttpRequest): unknown {
  if (request.body.length > MAX_BODY_BYTES) throw new BodyTooLargeError(MAX_BODY_BYTES);
  const { "content-type": type = "", "content-encoding": coding = "" } = request.headers;
  if (!JSON_TYPE.test(type.trim()) || !/^(identity(\s*,\s*identity)*)?$/i.test(coding.trim())) {
    throw new MediaTypeError();
  }
  if (request.body.length === 0) throw invalidBody("the body is empty. Send a JSON value");
  const text = decodeUtf8(request.body);
  try {
    return JSON.parse(text);
  } catch {
    throw invalidBody("the body is not JSON");
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw invalidBody("the body is not UTF-8");
  }
}

function invalidBody(message: string): InvalidRequestError {
  return new InvalidRequestError([{ path: "", message }]);
}
