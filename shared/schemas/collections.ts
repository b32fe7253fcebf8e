import * as z from "zod/mini";

// zod's own record and array would cost each cold start 3 KB. These check the same and copy nothing.

/** An object whose values all fit. */
export function recordOf<S extends z.core.$ZodType>(value: S) {
  return z.custom<Record<string, z.output<S>>>(
    (given) =>
      typeof given === "object" &&
      given !== null &&
      !Array.isArray(given) &&
      Object.values(given).every((one) => z.safeParse(value, one).success),
  );
}

/** A list whose items all fit. */
export function listOf<S extends z.core.$ZodType>(item: S) {
  return z.custom<z.output<S>[]>(
    (given) => Array.isArray(given) && given.every((one) => z.safeParse(item, one).success),
  );
}
