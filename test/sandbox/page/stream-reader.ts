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
