import http from "node:http";

type Answer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
};

export type Ask = [
  method: string,
  path: string,
  headers?: Readonly<Record<string, string>>,
  body?: string,
];

/** A request with just these headers, `host` included, as no fetch would send it. */
export function askPage(
  url: string,
  ...[method, path, headers = {}, body = ""]: Ask
): Promise<Answer> {
  const { port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request(
      { port, host: "127.0.0.1", method, path, headers: { host, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const { statusCode: status = 0, headers: answered } = response;
          resolve({ status, headers: answered, text: Buffer.concat(chunks).toString() });
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** The page's stream as text, read until `isEnough` says so. */
export async function readStream(
  url: string,
  isEnough: (text: string) => boolean,
): Promise<string> {
  const ending = new AbortController();
  const response = await fetch(`${url}/page/stream`, { signal: ending.signal });
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString();
    if (isEnough(text)) break;
  }
  ending.abort();
  return text;
}

/** The messages of one name in it. */
export function messages(text: string, name: string): unknown[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith(`event: ${name}\n`))
    .map((block) => JSON.parse(block.slice(block.indexOf("data: ") + 6)));
}
