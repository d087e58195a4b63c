// JSON (RFC 8259), all ASCII. Values are texts already.

/** A string. Units of surrogates are escaped one by one, as the format has them. */
export function jsonString(text: string): string {
  const out = ['"'];
  let plain = 0; // start of what needs no escape
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 32 && c < 127 && c !== 34 && c !== 92) continue;
    out.push(text.slice(plain, i), `\\u${c.toString(16).padStart(4, "0")}`);
    plain = i + 1;
  }
  out.push(text.slice(plain), '"');
  return out.join("");
}

export function jsonArray(values: readonly string[]): string {
  return `[${values.join(", ")}]`;
}

/** `members`: name and value, one after the other. */
export function jsonObject(members: readonly string[]): string {
  const out: string[] = [];
  for (let i = 0; i < members.length; i += 2) out.push(`"${members[i]}": ${members[i + 1]}`);
  return `{${out.join(", ")}}`;
}
