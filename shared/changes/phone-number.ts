/** Digits only: the form of all keys and subjects. Replies usually have it already. */
export function toDigits(phoneNumber: string): string {
  return phoneNumber.replace(/\D/g, "");
}

export type NearForm = "exact" | "trunk-zero" | "mexico-1" | "argentina-9" | "brazil-9";

type Rule = { readonly form: NearForm; readonly apply: (digits: string) => string };

/**
 * Countries in which one line is written with or without a digit. WhatsApp's form of a number and
 * the added form may differ by each of them.
 */
const RULES: readonly Rule[] = [
  { form: "mexico-1", apply: (digits) => digits.replace(/^521(\d{10})$/, "52$1") },
  { form: "argentina-9", apply: (digits) => digits.replace(/^549(\d{10})$/, "54$1") },
  { form: "brazil-9", apply: (digits) => digits.replace(/^(55\d{2})9(\d{8})$/, "$1$2") },
];

/**
 * Finds an added number in a customer's list.
 *
 * @returns the number as the list has it (digits only) and by which rule it was recognised
 */
export function findNumber(
  cc: string,
  national: string,
  listed: readonly string[],
): { readonly phoneNumber: string; readonly form: NearForm } | undefined {
  const candidates = listed.map(toDigits);
  const full = cc + national;
  if (candidates.includes(full)) return { phoneNumber: full, form: "exact" };
  const withoutTrunk = cc + national.replace(/^0+/, "");
  if (candidates.includes(withoutTrunk)) return { phoneNumber: withoutTrunk, form: "trunk-zero" };
  for (const { form, apply } of RULES) {
    const plainForm = apply(withoutTrunk);
    const found = candidates.find((candidate) => apply(candidate) === plainForm);
    if (found) return { phoneNumber: found, form };
  }
  return undefined;
}
