// Stands in for kitx inside pop-core when bundling: the three functions that pop-core calls. The nonce
// is always given by our caller (kitx makes it of 40 random bits), so this one is only never empty.
const { createHmac, randomBytes } = require("node:crypto");

module.exports = {
  /** @param {number} number */
  pad2: (number) => String(number).padStart(2, "0"),
  makeNonce: () => randomBytes(16).toString("hex"),
  /** @param {string} text @param {string} key @param {import("node:crypto").BinaryToTextEncoding} encoding */
  sha1: (text, key, encoding) => createHmac("sha1", key).update(text).digest(encoding),
};
