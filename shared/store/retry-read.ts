import { isAppError } from "../errors.ts";

const TRIES = 10;

export function isStoreFailure(error: unknown): boolean {
  return isAppError(error) && error.code === "ERR_STORE";
}

/**
 * Reads again when the store fails, ten times in all.
 *
 * @param wait waits before the next try. Resolves to false when no time is left.
 * @throws the last store error, and any other error at once
 */
export async function retryRead<T>(
  read: () => Promise<T>,
  wait: () => Promise<boolean>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await read();
    } catch (error) {
      if (!isStoreFailure(error) || tries === TRIES || !(await wait())) throw error;
    }
  }
}
